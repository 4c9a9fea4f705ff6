/**
 * Evaluates what was typed: TypeScript here, Python in the current context, and `!cmd` in a shell
 * of that context. Knows no line editor.
 */
import { CallError, type Context } from "../index.ts";
import { InputError } from "./compile-input.ts";
import type { Evaluated } from "./evaluator.ts";
import { ranOn } from "./everywhere.ts";
import { runOnTerminal, type TerminalLender } from "./lent-terminal.ts";
import type { Prompt } from "./prompt.ts";
import { runPython } from "./remote-python.ts";

interface Screen extends TerminalLender {
  /** Returns to TypeScript. */
  leavePython(): void;
  /** Makes the terminal what it was before a command had it. */
  takeBack(): void;
}

const SHELL = /^\s*!(.*)$/s;

export class TypedInput {
  isPython = false;
  /** The name of the context that evaluates typed Python now. */
  pythonOf: string | undefined;
  /** Whether a command has the terminal. */
  isLent = false;
  readonly #prompt: Prompt;
  readonly #screen: Screen;

  constructor(prompt: Prompt, screen: Screen) {
    this.#prompt = prompt;
    this.#screen = screen;
  }

  /**
   * Evaluates an input.
   *
   * @param isWhole no more lines follow
   * @throws {InputError} at once; an error of the input rejects the promise
   */
  evaluate(input: string, isWhole: boolean): Promise<Evaluated> {
    const { context } = this.#prompt.contexts.current;
    const [, command] = SHELL.exec(input) ?? [];
    if (command !== undefined) return this.#shell(context, command);
    return this.isPython
      ? this.#python(context, input, isWhole)
      : this.#prompt.evaluator.evaluate(input);
  }

  /** Runs a command on the terminal, or else on pipes. Its status is the value, unless it is 0. */
  async #shell(context: Context, command: string): Promise<Evaluated> {
    const { output } = this.#screen;
    this.isLent = true;
    try {
      const ended = await runOnTerminal(context, command, this.#screen);
      const { status, signal, problem, isAtStart } = ended;
      if (problem !== undefined) return { value: await ranOn(context, ["sh", "-c", command]) };
      if (!isAtStart) output.write("\n");
      if (status === 0) return undefined;
      return { value: { stdout: "", stderr: "", exitCode: status, ...(signal && { signal }) } };
    } finally {
      this.isLent = false;
      this.#screen.takeBack();
    }
  }

  async #python(context: Context, input: string, isWhole: boolean): Promise<Evaluated> {
    this.pythonOf = context.name;
    try {
      const printed = await runPython(context, input, isWhole);
      if (printed === undefined) throw new InputError("unfinished", true);
      return printed === "" ? undefined : { value: printed };
    } catch (error) {
      if (!isExit(error)) throw error;
      this.#screen.leavePython();
      return undefined;
    } finally {
      this.pythonOf = undefined;
    }
  }
}

/** Whether typed Python has called `exit()`: that leaves Python, as on its own prompt. */
function isExit(error: unknown): boolean {
  return error instanceof CallError && error.type === "SystemExit";
}
