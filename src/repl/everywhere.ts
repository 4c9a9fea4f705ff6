/** `all` of a prompt: the same work in every context of it. Equal results are shown together. */
import { outputOf, shellError } from "../commands/shell-output.ts";
import { fold, type Group } from "../fleet/fold.ts";
import { follow, type Job } from "../fleet/schedule.ts";
import { defaultWindow } from "../fleet/window.ts";
import type { AnyFunction } from "../functions/registry.ts";
import { type Context, neutralise, type ShellOutput } from "../index.ts";
import { compress } from "../sets/fold-names.ts";
import type { NamedContext, PromptContexts } from "./contexts.ts";

type Outcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; error: unknown };

/** The result of one context. */
export type Result = { readonly name: string } & Outcome;

export class Everywhere {
  readonly #contexts: PromptContexts;
  readonly #signal: () => AbortSignal;

  /** @param signal gives what is aborted by the next ctrl-C, which also cancels the calls */
  constructor(contexts: PromptContexts, signal: () => AbortSignal) {
    this.#contexts = contexts;
    this.#signal = signal;
  }

  /** Calls a function in every context. */
  call(fn: AnyFunction | string, ...args: unknown[]): Promise<Results> {
    return this.#run(async (context) => context.call(fn as string, ...args));
  }

  /** Runs a command in every context; a text is one of the shell. */
  exec(command: string | readonly string[]): Promise<Results> {
    const argv = typeof command === "string" ? ["sh", "-c", command] : command;
    return this.#run((context) => ranOn(context, argv));
  }

  get contexts(): readonly Context[] {
    return this.#contexts.all.map(({ context }) => context);
  }

  /** Works in as many contexts at a time as this machine can bear. They stay open. */
  async #run(work: (context: Context) => Promise<unknown>): Promise<Results> {
    const places = this.#contexts.all;
    const place = (index: number): NamedContext => places[index] as NamedContext;
    const results = new Array<Result>(places.length);
    const ended = follow<Placed>({
      count: places.length,
      window: defaultWindow(),
      batch: Number.POSITIVE_INFINITY,
      failFast: false,
      maxFailures: Number.POSITIVE_INFINITY,
      signal: this.#signal(),
      drain: undefined,
      begin: (index) => jobOf(index, place(index), work),
      skip: (index, error) => ({ index, result: { name: place(index).name, ok: false, error } }),
      isFailure: ({ result }) => !result.ok,
      reason: () => new Error("not begun: interrupted"),
    });
    for await (const { index, result } of ended) results[index] = result;
    return new Results(...results);
  }
}

/** A result, and the position of its context among all. */
interface Placed {
  readonly index: number;
  readonly result: Result;
}

function jobOf(
  index: number,
  { name, context }: NamedContext,
  work: (context: Context) => Promise<unknown>,
): Job<Placed> {
  const result = work(context).then(
    (value): Placed => ({ index, result: { name, ok: true, value } }),
    (error): Placed => ({ index, result: { name, ok: false, error } }),
  );
  // The signal of the calls cancels them.
  return { result, closed: result.then(() => {}), stop: () => {} };
}

/** @throws {ShellError} the command could not be started */
export async function ranOn(context: Context, argv: readonly string[]): Promise<ShellOutput> {
  const process = context.exec(argv);
  const output = await outputOf(process);
  const { problem } = await process.exited;
  if (problem !== undefined) throw shellError(context.name, argv.join(" "), output);
  return output;
}

/** One result for each context, in order. Shown as groups of equal results. */
export class Results extends Array<Result> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /** @param show gives the text of a value */
  text(show: (value: unknown) => string): string {
    const items = this.map((one) => ({ name: one.name, value: textOf(one, show) }));
    return fold(items)
      .map((group) => groupText(group))
      .join("\n");
  }
}

function textOf(one: Result, show: (value: unknown) => string): string {
  if (one.ok) return show(one.value);
  const { error } = one;
  const said = neutralise(error instanceof Error ? error.message : String(error));
  // The same error of several contexts differs by the name that it begins with.
  return `failed: ${said.startsWith(`${one.name}: `) ? said.slice(one.name.length + 2) : said}`;
}

function groupText({ names, value }: Group<string>): string {
  return `${compress(names)} (${names.length}):\n${value.replace(/^/gm, "  ")}`;
}
