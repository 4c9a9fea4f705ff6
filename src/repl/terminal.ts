/**
 * A prompt on a terminal. `node:repl` handles the line, its history and completion; this class
 * evaluates, handles ctrl-C and prints. The terminal stays in raw mode, so that ctrl-C is a key and
 * not a signal. The signal would end the programs that hold the connections.
 */
import { clearScreenDown, cursorTo, moveCursor } from "node:readline";
import { type REPLServer, Recoverable, start } from "node:repl";
import { InputError } from "./compile-input.ts";
import type { Evaluated, Evaluator } from "./evaluator.ts";
import { helpText } from "./help-text.ts";
import { MAX_HISTORY, readHistory, writeHistory } from "./history.ts";
import { showValue } from "./show.ts";

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

/** Members that Bun and Node.js have and the types lack. */
type Line = REPLServer & {
  line: string;
  cursor: number;
  prevRows: number;
  /** The lines of the history, the last one first. */
  history: string[];
  ignoreUndefined: boolean;
};

export class Terminal {
  /** Resolves when the user leaves. */
  readonly closed: Promise<void>;
  readonly #evaluator: Evaluator;
  readonly #host: TerminalHost;
  readonly #server: Line;
  #giveUp: (() => void) | undefined;
  #idleInterrupts = 0;
  #above = "";
  #isClosed = false;

  constructor(evaluator: Evaluator, host: TerminalHost) {
    this.#evaluator = evaluator;
    this.#host = host;
    this.#server = start({
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
    this.closed = new Promise((resolve) => {
      this.#server.once("exit", () => {
        this.#isClosed = true;
        resolve();
      });
    });
    this.#keepHistory();
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
    let evaluated: Promise<Evaluated>;
    try {
      evaluated = this.#evaluator.evaluate(source.replaceAll("\r", "\n"));
    } catch (error) {
      if (error instanceof InputError && error.isIncomplete) {
        done(new Recoverable(error), undefined);
        return;
      }
      evaluated = Promise.reject(error);
    }
    let isOver = false;
    const finish = (shown: Evaluated, said: string): void => {
      if (isOver) return;
      isOver = true;
      this.#flush();
      this.#giveUp = undefined;
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
      async (error) => finish(undefined, await this.#host.explain(error)),
    );
  }

  #interrupted(): void {
    const server = this.#server;
    const giveUp = this.#giveUp;
    if (giveUp !== undefined) {
      server.output.write("^C\n");
      // An input that arrived together with the key has not begun yet.
      setImmediate(() => {
        this.#host.interrupt();
        setTimeout(giveUp, GRACE_MS);
      });
      return;
    }
    const isEmpty = server.line === "";
    this.#idleInterrupts = isEmpty ? this.#idleInterrupts + 1 : 0;
    server.output.write(this.#idleInterrupts > 1 ? `\n${LEAVE}\n` : "\n");
    server.clearBufferedCommand();
    server.line = "";
    server.cursor = 0;
    server.prevRows = 0;
    server.displayPrompt();
  }

  /**
   * Keeps the history in a file; without a writable file, for this session only. Bun's own function
   * does not truncate a longer file.
   */
  #keepHistory(): void {
    const server = this.#server;
    server.history = readHistory();
    server.once("exit", () => writeHistory(server.history));
  }
}
