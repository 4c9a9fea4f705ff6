/** The contexts of a prompt: those of its targets, and those that were opened since. */
import type { Context } from "../index.ts";

export interface NamedContext {
  readonly target: string;
  /** The name of the variable. */
  readonly name: string;
  readonly context: Context;
}

/** The code of the error of calls after `close`. */
const CLOSED = "ERR_DISCONNECT_CLOSED";

export class PromptContexts {
  readonly #onLost: (one: NamedContext) => void;
  #all: NamedContext[] = [];
  #current: NamedContext | undefined;
  #local: NamedContext;

  /**
   * @param local is the current context while no other is known
   * @param onLost gets a context that has ended, and that nothing has closed
   */
  constructor(local: Context, onLost: (one: NamedContext) => void) {
    this.#onLost = onLost;
    this.#local = this.#watched({ target: "local", name: "local", context: local });
  }

  /** Forgets all contexts: their broker was closed. */
  restart(local: Context): void {
    this.#local = this.#watched({ ...this.#local, context: local });
    this.#all = [];
    this.#current = undefined;
  }

  /** Those that were asked for, and not closed: without targets, only `local`. */
  get all(): readonly NamedContext[] {
    const kept = this.#all.filter(({ context }) => context.ended?.code !== CLOSED);
    return kept.length === 0 ? [this.#local] : kept;
  }

  /** A context that exists without being named. It costs nothing before its first use. */
  get local(): Context {
    return this.#local.context;
  }

  /** @returns the newest context of a target; it may have ended */
  find(target: string): NamedContext | undefined {
    return [this.#local, ...this.#all].findLast((one) => one.target === target);
  }

  /**
   * The context that `!` and `.python` use: of the first target, or the last `.connect`. It stays
   * when it has ended, so that no command runs on another machine than the user thinks of.
   */
  get current(): NamedContext {
    return this.#current ?? this.#all[0] ?? this.#local;
  }

  set current(one: NamedContext) {
    this.#current = one;
  }

  /** Adds a context. It takes the place of one of the same target that has ended. */
  add(one: NamedContext): void {
    const isReplaced = (old: NamedContext): boolean =>
      old.target === one.target && old.context.ended !== undefined;
    const at = this.#all.findIndex(isReplaced);
    if (at >= 0) this.#all[at] = one;
    else if (isReplaced(this.#local)) this.#local = one;
    else this.#all.push(one);
    if (this.#current !== undefined && isReplaced(this.#current)) this.#current = one;
    this.#watched(one);
  }

  #watched(one: NamedContext): NamedContext {
    const { context } = one;
    void context.gone.then(() => {
      if (context.ended !== undefined && context.ended.code !== CLOSED) this.#onLost(one);
    });
    return one;
  }

  /** The contexts below what they are opened through, a line each. */
  async tree(): Promise<string> {
    const [nodes, roots] = [this.all.map(({ context }) => context), new Set<Context>()];
    const below = new Map<Context, Set<Context>>();
    for (const node of nodes) {
      let one = node;
      for (; one.via !== undefined; one = one.via) {
        below.set(one.via, (below.get(one.via) ?? new Set()).add(one));
      }
      roots.add(one);
    }
    const named = new Map(this.all.map((one) => [one.context, one]));
    const lines: string[] = [];
    const add = async (context: Context, depth: number): Promise<void> => {
      const mark = context === this.current.context ? " *" : "";
      const via = context.via === undefined ? "" : `, via ${context.via.name}`;
      const one = named.get(context) ?? { context, name: context.name, target: context.name };
      const state = `${await stateOf(one)}${via}${mark}`;
      lines.push(`${"  ".repeat(depth)}${titleOf(one)}  ${state}`);
      for (const child of below.get(context) ?? []) await add(child, depth + 1);
    };
    for (const root of roots) await add(root, 0);
    return `${lines.join("\n")}\n`;
  }
}

/** @returns the variable, and its target if that differs */
export function titleOf({ name, target }: NamedContext): string {
  return name === target ? name : `${name} = ${target}`;
}

/** @returns why a context was lost, and how the prompt opens it again */
export function lossOf({ context, target }: NamedContext): string {
  const [what = "", hint = ""] = (context.ended?.message ?? "").split("\n  try: ");
  const others = hint.split("; ").filter((advice) => advice !== "" && advice !== "connect again");
  return [`${what}\n  try: .connect ${target}, which opens it again`, ...others].join("; ");
}

async function stateOf({ context, target }: NamedContext): Promise<string> {
  if (context.ended !== undefined) {
    return context.connected
      ? `lost; .connect ${target} opens it again`
      : `not opened; .connect ${target} tries again`;
  }
  if (!context.connected) return "not connected";
  const { kind, version, pid } = await context.ready();
  return `${kind} ${version}, pid ${pid}`;
}
