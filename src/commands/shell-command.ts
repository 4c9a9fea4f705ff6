/**
 * Shell commands as tagged templates: context.$`grep ${word} ${file} | wc -l`. A value that is put
 * in is one word, whatever characters it has; a list is as many words as it has items. The
 * conventions are those of zx and of Bun's own shell. Knows its context only by how it runs a
 * command.
 */

import { UsageError } from "../errors.ts";
import { quoteForPosixShell } from "../shell-quote.ts";
import { calledFrom, located } from "../traces/error-stack.ts";
import type { ExecOptions, RemoteProcess } from "./remote-process.ts";
import { outputOf, type ShellOutput, shellError, shellOutput } from "./shell-output.ts";

export type Shell = (parts: TemplateStringsArray, ...values: unknown[]) => ShellCommand;

type Exec = (argv: readonly string[], options: ExecOptions) => RemoteProcess;

/** A shell command, which runs when it is awaited or read. Made by `Context.$`. */
export class ShellCommand implements PromiseLike<ShellOutput> {
  readonly #name: string;
  readonly #exec: Exec;
  readonly #script: string;
  /** Where the program wrote the command, which runs later. */
  readonly #site = new Error();
  #options: ExecOptions = {};
  #throws = true;
  #isQuiet = false;
  #output: Promise<ShellOutput> | undefined;

  /** @internal */
  constructor(name: string, script: string, exec: Exec) {
    this.#name = name;
    this.#script = script;
    this.#exec = exec;
  }

  /** A status other than 0 is not an error. */
  nothrow(): this {
    this.#throws = false;
    return this;
  }

  /** What the command prints on stderr is kept, and not logged. */
  quiet(): this {
    this.#isQuiet = true;
    return this;
  }

  cwd(folder: string): this {
    return this.#with({ cwd: folder });
  }

  env(variables: Readonly<Record<string, string>>): this {
    return this.#with({ env: variables });
  }

  stdin(input: NonNullable<ExecOptions["stdin"]>): this {
    return this.#with({ stdin: input });
  }

  deadline(milliseconds: number): this {
    return this.#with({ deadline: milliseconds });
  }

  signal(signal: AbortSignal): this {
    return this.#with({ signal });
  }

  /** What the command prints on stdout. */
  async text(): Promise<string> {
    return (await this.#run()).stdout;
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  /** The lines of stdout, as they come. Leaving the loop ends the command. */
  async *lines(): AsyncGenerator<string, void, undefined> {
    const stop = new AbortController();
    const { signal } = this.#options;
    const signals = signal === undefined ? [stop.signal] : [stop.signal, signal];
    const process = this.#start({ signal: AbortSignal.any(signals) });
    const stderr = this.#isQuiet ? process.stderr.text() : Promise.resolve("");
    // A program that leaves the loop does not read it.
    stderr.catch(() => {});
    try {
      yield* process.stdout.lines();
      this.#check(shellOutput(await process.exited, "", await stderr));
    } catch (error) {
      throw calledFrom(error, this.#site);
    } finally {
      stop.abort();
    }
  }

  // biome-ignore lint/suspicious/noThenProperty: that is what makes it run when it is awaited
  then<A = ShellOutput, B = never>(
    resolve?: ((output: ShellOutput) => A | PromiseLike<A>) | null,
    reject?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#run().then(resolve, reject);
  }

  #with(options: ExecOptions): this {
    this.#options = { ...this.#options, ...options };
    return this;
  }

  #start(options: ExecOptions = {}): RemoteProcess {
    const stderr = this.#isQuiet ? "pipe" : "log";
    return this.#exec(["sh", "-c", this.#script], { ...this.#options, ...options, stderr });
  }

  #run(): Promise<ShellOutput> {
    this.#output ??= located(this.#collect(), this.#site);
    return this.#output;
  }

  async #collect(): Promise<ShellOutput> {
    return this.#check(await outputOf(this.#start()));
  }

  #check(output: ShellOutput): ShellOutput {
    if (output.exitCode !== 0 && this.#throws) {
      throw shellError(this.#name, this.#script, output);
    }
    return output;
  }
}

/** @returns the script that a template stands for. @throws {UsageError} `ERR_USAGE_COMMAND` */
export function scriptOf(parts: TemplateStringsArray, values: readonly unknown[]): string {
  const words = values.map((value) =>
    (Array.isArray(value) ? value : [value]).map(quote).join(" "),
  );
  return parts.map((part, i) => part + (words[i] ?? "")).join("");
}

/** One word of the script, which `sh` reads. */
function quote(value: unknown): string {
  const text = typeof value === "string" ? value : wordOf(value);
  if (text.includes("\0")) throw new UsageError("ERR_USAGE_COMMAND", "a word with a NUL in it");
  return quoteForPosixShell(text);
}

function wordOf(value: unknown): string {
  if (["number", "bigint", "boolean"].includes(typeof value)) return String(value);
  // The output of an awaited command may be put into another.
  const { stdout } = (value ?? {}) as { readonly stdout?: unknown };
  if (typeof stdout === "string") return stdout.replace(/\n+$/, "");
  const what = value === null ? "null" : `a value of type ${typeof value}`;
  throw new UsageError("ERR_USAGE_COMMAND", `${what} cannot be a word of a command`);
}
