/**
 * A prompt on a terminal. `node:repl` handles the line, its history and completion; this class
 * evaluates, handles ctrl-C and prints. The terminal stays in raw mode, so that ctrl-C is a key and
 * not a signal. The signal would end the programs that hold the connections.
 */
import { clearScreenDown, cursorTo, Interface, moveCursor } from "node:readline";
import { type REPLServer, Recoverable, start } from "node:repl";
import { type BusyWatch, Interrupted } from "./busy-watch.ts";
import { InputError } from "./compile-input.ts";
import type { Evaluated, Evaluator } from "./evaluator.ts";
import { helpText } from "./help-text.ts";
import { appendHistory, MAX_HISTORY, readHistory } from "./history.ts";
import { showValue } from "./show.ts";
import { LEAVE_PASTES, MARK_PASTES, TerminalInput } from "./terminal-input.ts";

interface TerminalHost {
  readonly isColoured: boolean;
  /** Cancels all running calls. */
  interrupt(): void;
  explain(error: unknown): Promise<string>;
}

/** The time in milliseconds in which a cancelled input may end by itself. */
const GRACE_MS = 100;
const LEAVE = "(to leave: ctrl-D, or .exit)";
/** The text that node:repl evaluates to complete a name. */
const PROBE = /^try \{ .* \} catch \{\} ?$/s;

/** A line that continues the previous input, such as `.map((x) => x + 1)`. */
const CONTINUES = /^\??\.\s*[\p{ID_Start}$_][\p{ID_Continue}$]*\s*(?:\?\.)?[(`]/u;
/** Sets the text that is edited, also to several lines. Its only name is a symbol. */
const SET_LINE = symbolOf("_setLine");

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
};

export class Terminal {
  /** Resolves when the user leaves. */
  readonly closed: Promise<void>;
  readonly #evaluator: Evaluator;
  readonly #host: TerminalHost;
  readonly #server: Line;
  readonly #watch: BusyWatch;
  readonly #input: TerminalInput;
  #giveUp: (() => void) | undefined;
  #idleInterrupts = 0;
  #above = "";
  #isClosed = false;

  constructor(evaluator: Evaluator, watch: BusyWatch, host: TerminalHost) {
    this.#evaluator = evaluator;
    this.#watch = watch;
    this.#host = host;
    this.#input = new TerminalInput(process.stdin, (text) => this.#paste(text));
    watch.begin(this.#input, () => this.#cancel());
    process.stdout.write(MARK_PASTES);
    this.#server = start({
      input: this.#input,
      output: process.stdout,
      terminal: true,
      prompt: "> ",
      useGlobal: true,
      useColors: host.isColoured,
      ignoreUndefined: true,
      preview: false,
      // The types of node:repl lack an option that it passes on to node:readline.
      ...{ historySize: MAX_HISTORY },
      writer: (value: unknown) => showValue(value, host.isColoured),
      eval: (source, _context, _file, done) => this.#evaluate(source, done),
    }) as Line;
    this.#server.removeAllListeners("SIGINT");
    this.#server.on("SIGINT", () => this.#interrupted());
    this.#defineHelp();
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

  #defineHelp(): void {
    const server = this.#server;
    server.defineCommand("help", {
      help: "Print this text",
      action() {
        server.output.write(helpText(server.commands));
        server.displayPrompt();
      },
    });
  }

  /** Gets each input before node:repl does. Commands and continued inputs are not its subject. */
  #takeLines(): void {
    const server = this.#server;
    const [next] = server.listeners("line") as ((line: string) => void)[];
    server.removeAllListeners("line");
    server.on("line", (typed: string) => {
      const text = typed.trim();
      const isContinued = !server.editorMode && CONTINUES.test(text);
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
    if (/\n$/.test(text)) server.write("", { name: "return" });
  }

  #flush(): void {
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
    if (PROBE.test(source)) {
      done(null, this.#evaluator.peek(source));
      return;
    }
    this.#idleInterrupts = 0;
    const input = source.replaceAll("\r", "\n");
    let evaluated: Promise<Evaluated>;
    try {
      evaluated = this.#evaluator.evaluate(input);
    } catch (error) {
      if (error instanceof InputError && error.isIncomplete) {
        done(new Recoverable(error), undefined);
        return;
      }
      evaluated = Promise.reject(error);
    }
    appendHistory(input);
    let isOver = false;
    const finish = (shown: Evaluated, said: string): void => {
      if (isOver) return;
      isOver = true;
      this.#flush();
      this.#giveUp = undefined;
      this.#watch.reset();
      if (this.#isClosed) return;
      if (said !== "") this.#server.output.write(`${said}\n`);
      this.#server.ignoreUndefined = shown === undefined;
      done(null, shown?.value);
      this.#server.ignoreUndefined = true;
    };
    this.#giveUp = () => {
      this.#evaluator.abandon();
      finish(undefined, "interrupted");
    };
    evaluated.then(
      (value) => finish(value, ""),
      async (error) => {
        if (error instanceof Interrupted) return this.#giveUp?.();
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

function symbolOf(description: string): symbol | undefined {
  for (let one: object | null = Interface.prototype; one; one = Object.getPrototypeOf(one)) {
    const symbols = Object.getOwnPropertySymbols(one);
    const found = symbols.find((symbol) => symbol.description === description);
    if (found !== undefined) return found;
  }
  return undefined;
}
