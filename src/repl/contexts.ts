/** The contexts of a prompt: those of its targets, and those that were opened since. */
import type { Context } from "../index.ts";

export interface NamedContext {
  readonly target: string;
  /** The name of the variable. */
  readonly name: string;
  readonly context: Context;
}

export class PromptContexts {
  #all: NamedContext[] = [];
  #current: NamedContext | undefined;
  #local: NamedContext;

  /** @param local is the current context while no other is known */
  constructor(local: Context) {
    this.#local = { target: "local", name: "local", context: local };
  }

  /** Forgets all contexts: their broker was closed. */
  restart(local: Context): void {
    this.#local = { ...this.#local, context: local };
    this.#all = [];
    this.#current = undefined;
  }

  /** Those that were asked for: without targets, only `local`. */
  get all(): readonly NamedContext[] {
    const open = this.#all.filter(({ context }) => context.failure === undefined);
    return open.length === 0 ? [this.#local] : open;
  }

  /** A context that exists without being named. It costs nothing before its first use. */
  get local(): Context {
    return this.#local.context;
  }

  find(target: string): NamedContext | undefined {
    return [this.#local, ...this.all].findLast((one) => one.target === target);
  }

  /** The context that `!` and `.python` use: of the first target, or the last `.connect`. */
  get current(): NamedContext {
    return this.#current ?? this.all[0] ?? this.#local;
  }

  set current(one: NamedContext) {
    this.#current = one;
  }

  add(one: NamedContext): void {
    this.#all.push(one);
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
    const titles = new Map(this.all.map((one) => [one.context, titleOf(one)]));
    const lines: string[] = [];
    const add = async (context: Context, depth: number): Promise<void> => {
      const mark = context === this.current.context ? " *" : "";
      const via = context.via === undefined ? "" : `, via ${context.via.name}`;
      const state = `${await stateOf(context)}${via}${mark}`;
      lines.push(`${"  ".repeat(depth)}${titles.get(context) ?? context.name}  ${state}`);
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

async function stateOf(context: Context): Promise<string> {
  if (!context.connected) return "not connected";
  const { kind, version, pid } = await context.ready();
  return `${kind} ${version}, pid ${pid}`;
}
