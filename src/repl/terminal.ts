/**
 * A prompt on a terminal. `node:repl` handles the line, its history and completion; this class
 * evaluates, handles ctrl-C and prints. The terminal stays in raw mode, so that ctrl-C is a key and
 * not a signal. The signal would end the programs that hold the connections.
 */
import { clearScreenDown, cursorTo, Interface, moveCursor } from "node:readline";
import { type REPLServer, Recoverable, start } from "node:repl";
import { type BusyWatch, Interrupted } from "./busy-watch.ts";
import { type Command, type CommandHost, commandsOf } from "./commands.ts";
import { InputError } from "./compile-input.ts";
import { completionsOf } from "./completion.ts";
import type { Evaluated } from "./evaluator.ts";
import { helpText, noCommand } from "./help-text.ts";
import { appendHistory, MAX_HISTORY, readHistory } from "./history.ts";
import type { Completions } from "./name-completion.ts";
import type { Prompt } from "./prompt.ts";
import { showValue } from "./show.ts";
import { LEAVE_PASTES, MARK_PASTES, TerminalInput } from "./terminal-input.ts";
import { TypedInput } from "./typed-input.ts";

interface TerminalHost {
  readonly isColoured: boolean;
  /** Cancels all running calls. */
  interrupt(): void;
  explain(error: unknown): Promise<string>;
  /** @throws {UsageError} */
  setLogLevel(level: string): void;
  /** @returns targets that begin so, for the tab key */
  targets(begin: string): string[];
  /** @returns paths of this machine that begin so */
  files(begin: string): string[];
}

/** The time in milliseconds in which a cancelled input may end by itself. */
const GRACE_MS = 100;
const PROMPTS = { js: "> ", python: ">>> " } as const;
const LEAVE = "(to leave: ctrl-D, or .exit)";

/** A line that continues the previous input, such as `.map((x) => x + 1)`. */
const CONTINUES = /^\??\.\s*[\p{ID_Start}$_][\p{ID_Continue}$]*\s*(?:\?\.)?[(`]/u;
/** What leaves other prompts, where it is no name of the user's. */
const LEAVES = /^\s*(?:exit|quit)(?:\(\))?;?\s*$/;
/** A command, and not a number. */
const COMMAND = /^\.([^\s\d.]\S*)/;
/** Sets the text that is edited, also to several lines. Its only name is a symbol. */
const SET_LINE = symbolOf("_setLine");

type Completed = (error: Error | null, found?: Completions) => void;

/** Members that Bun and Node.js have and the types lack. */
type Line = REPLServer & {
  line: string;
  cursor: number;
  prevRows: number;
  /** The lines of the history, the last one first. */
  history: string[];
  ignoreUndefined: boolean;
  editorMode: boolean;
  lastError: unknown;
  underscoreErrAssigned: boolean;
  _refreshLine(): void;
  completer(line: string, done: Completed): void;
};

export class Terminal implements CommandHost {
  /** Resolves when the user leaves. */
  readonly closed: Promise<void>;
  /** The inputs of this session, in order. */
  readonly inputs: string[] = [];
  readonly #prompt: Prompt;
  readonly #host: TerminalHost;
  readonly #server: Line;
  readonly #watch: BusyWatch;
  readonly #typed: TypedInput;
  readonly #input: TerminalInput;
  #giveUp: (() => void) | undefined;
  #idleInterrupts = 0;
  /** Whether the input that is entered was pasted: no more lines follow. */
  #isPaste = false;
  #above = "";
  #isClosed = false;

  constructor(prompt: Prompt, host: TerminalHost) {
    const { watch } = prompt;
    this.#prompt = prompt;
    this.#watch = watch;
    this.#host = host;
    this.#input = new TerminalInput(process.stdin, (text) => this.#paste(text));
    this.#typed = new TypedInput(prompt, {
      divert: (take) => this.#input.divert(take),
      output: process.stdout,
      interrupt: () => this.#cancel(),
      leavePython: () => this.setPython(false),
      // The command may have told the terminal otherwise.
      takeBack: () => process.stdout.write(MARK_PASTES),
    });
    watch.begin(this.#input, () => this.#cancel());
    process.stdout.write(MARK_PASTES);
    this.#server = start({
      input: this.#input,
      output: process.stdout,
      terminal: true,
      prompt: PROMPTS.js,
      useGlobal: true,
      useColors: host.isColoured,
      ignoreUndefined: true,
      preview: false,
      // The types of node:repl lack an option that it passes on to node:readline.
      ...{ historySize: MAX_HISTORY },
      writer: (value: unknown) => showValue(value, host.isColoured),
      eval: (source, _context, _file, done) => this.#evaluate(source, done),
    }) as Line;
    // It would show errors that no code catches with positions in rewritten inputs.
    process.setUncaughtExceptionCaptureCallback(null);
    this.#server.removeAllListeners("SIGINT");
    this.#server.on("SIGINT", () => this.#interrupted());
    this.#defineCommands();
    this.#complete();
    this.#takeLines();
    this.closed = new Promise((resolve) => {
      this.#server.once("exit", () => {
        this.#isClosed = true;
        this.#input.release();
        process.stdout.write(LEAVE_PASTES);
        resolve();
      });
    });
    this.#server.history = readHistory();
  }

  /** Whether an input is being evaluated, so that no prompt is shown. */
  get isBusy(): boolean {
    return this.#giveUp !== undefined;
  }

  /** Writes whole lines above the line that is being typed. */
  above(text: string): void {
    if (this.#above === "") setImmediate(() => this.#flush());
    this.#above += text;
  }

  close(): void {
    if (!this.#isClosed) this.#server.close();
  }

  get isPython(): boolean {
    return this.#typed.isPython;
  }

  /** The name of the context that evaluates typed Python now. */
  get pythonOf(): string | undefined {
    return this.#typed.pythonOf;
  }

  setPython(isPython: boolean): void {
    this.#typed.isPython = isPython;
    this.#server.setPrompt(isPython ? PROMPTS.python : PROMPTS.js);
  }

  setLogLevel(level: string): void {
    this.#host.setLogLevel(level);
  }

  #defineCommands(): void {
    const server = this.#server;
    server.defineCommand("help", {
      help: "Print this text",
      action() {
        server.output.write(helpText(server.commands));
        server.displayPrompt();
      },
    });
    const commands = commandsOf(this.#prompt, this.#prompt.evaluator);
    for (const [name, command] of Object.entries(commands)) {
      const action = (argument: string): void => {
        appendHistory(`.${name} ${argument}`);
        this.#command(command, argument);
      };
      server.defineCommand(name, { help: command.help, action });
    }
  }

  /** Completes in place of node:repl, which knows no `await` and no other machine. */
  #complete(): void {
    const server = this.#server;
    const { evaluator, contexts } = this.#prompt;
    server.completer = (line: string, done: Completed) => {
      const found = completionsOf(line, {
        peek: (path) => evaluator.peek(path),
        current: contexts.current.context,
        isPython: this.isPython,
        commands: Object.keys(server.commands),
        targets: (begin) => this.#host.targets(begin),
        files: (begin) => this.#host.files(begin),
      });
      found.then(
        (one) => done(null, one),
        () => done(null, [[], line]),
      );
    };
  }

  #command(command: Command, argument: string): void {
    const server = this.#server;
    const run = async (): Promise<Evaluated> => {
      const result = await command.run(argument.trim(), this);
      if (typeof result !== "string") return result;
      server.output.write(result);
      return undefined;
    };
    this.#follow(run(), (_, value) => {
      if (!server.ignoreUndefined) server.output.write(`${server.writer(value)}\n`);
      server.displayPrompt();
    });
  }

  /** Gets each input before node:repl does. Commands and continued inputs are not its subject. */
  #takeLines(): void {
    const server = this.#server;
    const [next] = server.listeners("line") as ((line: string) => void)[];
    server.removeAllListeners("line");
    server.on("line", (typed: string) => {
      const text = typed.trim();
      const isContinued = !server.editorMode && !this.isPython && CONTINUES.test(text);
      const [, word] = isContinued || server.editorMode ? [] : (COMMAND.exec(text) ?? []);
      if (word !== undefined && !(word in server.commands)) {
        server.output.write(`${noCommand(word, Object.keys(server.commands))}\n`);
        server.displayPrompt();
        return;
      }
      next?.call(server, isContinued ? `_${text}` : typed);
    });
  }

  /** Puts a paste into the line. If it ends with a line end, it is one input. */
  #paste(text: string): void {
    const server = this.#server;
    const pasted = text.replaceAll("\t", "  ").replace(/\n+$/, "");
    const at = server.cursor;
    const line = server.line.slice(0, at) + pasted + server.line.slice(at);
    const setLine = SET_LINE === undefined ? undefined : Reflect.get(server, SET_LINE);
    if (typeof setLine === "function") setLine.call(server, line);
    else server.line = line;
    server.cursor = at + pasted.length;
    // The editor takes the newest entry for the first lines of an input with several, and drops it.
    if (line.includes("\n")) server.history.unshift("");
    server._refreshLine();
    if (!/\n$/.test(text)) return;
    this.#isPaste = true;
    server.write("", { name: "return" });
    this.#isPaste = false;
  }

  #flush(): void {
    if (this.#typed.isLent) return; // it is written when the command has ended
    const text = this.#above;
    this.#above = "";
    if (text === "") return;
    const { output } = this.#server;
    if (this.#isClosed || this.isBusy) {
      if (!this.#isClosed && this.#server.line !== "") output.write("\r\x1b[K");
      output.write(text);
      return;
    }
    moveCursor(output, 0, -this.#server.getCursorPos().rows);
    cursorTo(output, 0);
    clearScreenDown(output);
    output.write(text);
    this.#server.prevRows = 0;
    this.#server.displayPrompt(true);
  }

  #evaluate(source: string, done: (error: Error | null, value: unknown) => void): void {
    this.#idleInterrupts = 0;
    const isName = "exit" in globalThis || "quit" in globalThis;
    if (!this.isPython && !isName && LEAVES.test(source)) {
      this.close();
      return;
    }
    const input = source.replaceAll("\r", "\n");
    let evaluated: Promise<Evaluated>;
    try {
      evaluated = this.#typed.evaluate(input, this.#isPaste);
    } catch (error) {
      if (isIncomplete(error)) {
        done(new Recoverable(error as Error), undefined);
        return;
      }
      evaluated = Promise.reject(error);
    }
    const keep = (): void => {
      appendHistory(input);
      this.inputs.push(input);
    };
    // Only the context knows whether an input in Python is complete.
    if (this.isPython) evaluated.then(keep, (error) => isIncomplete(error) || keep());
    else keep();
    this.#follow(evaluated, done);
  }

  /** Shows how an evaluation ends, unless ctrl-C gives it up before. */
  #follow(
    evaluated: Promise<Evaluated>,
    done: (error: Error | null, value: unknown) => void,
  ): void {
    let isOver = false;
    const finish = (shown: Evaluated, said: string): void => {
      if (isOver) return;
      isOver = true;
      this.#flush();
      this.#giveUp = undefined;
      this.#input.takeAhead();
      this.#watch.reset();
      if (this.#isClosed) return;
      if (said !== "") this.#server.output.write(`${said}\n`);
      this.#server.ignoreUndefined = shown === undefined;
      done(null, shown?.value);
      this.#server.ignoreUndefined = true;
    };
    this.#giveUp = () => {
      this.#prompt.evaluator.abandon();
      finish(undefined, "interrupted");
    };
    const unfinished = (): void => {
      isOver = true;
      this.#giveUp = undefined;
      done(new Recoverable(new SyntaxError("unfinished")), undefined);
    };
    evaluated.then(
      (value) => finish(value, ""),
      async (error) => {
        if (error instanceof Interrupted) return this.#giveUp?.();
        if (isIncomplete(error)) return unfinished();
        if (!this.#server.underscoreErrAssigned) this.#server.lastError = error;
        finish(undefined, await this.#host.explain(error));
      },
    );
  }

  /** Cancels what runs. Also called while typed code keeps this process busy. */
  #cancel(): void {
    this.#server.output.write("^C\n");
    const giveUp = this.#giveUp;
    // An input that arrived together with the key has not begun yet.
    setImmediate(() => {
      this.#host.interrupt();
      if (giveUp === undefined) this.#watch.reset();
      else setTimeout(giveUp, GRACE_MS);
    });
  }

  #interrupted(): void {
    const server = this.#server;
    if (this.isBusy) {
      this.#cancel();
      return;
    }
    const isEmpty = server.line === "";
    this.#idleInterrupts = isEmpty ? this.#idleInterrupts + 1 : 0;
    server.output.write(this.#idleInterrupts > 1 ? `\n${LEAVE}\n` : "\n");
    server.clearBufferedCommand();
    if (server.history[0] === "") server.history.shift();
    server.line = "";
    server.cursor = 0;
    server.prevRows = 0;
    server.displayPrompt();
  }
}

function isIncomplete(error: unknown): boolean {
  return error instanceof InputError && error.isIncomplete;
}

function symbolOf(description: string): symbol | undefined {
  for (let one: object | null = Interface.prototype; one; one = Object.getPrototypeOf(one)) {
    const symbols = Object.getOwnPropertySymbols(one);
    const found = symbols.find((symbol) => symbol.description === description);
    if (found !== undefined) return found;
  }
  return undefined;
}
