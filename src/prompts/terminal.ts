/**
 * The terminal as a source of answers: a person is asked on /dev/tty, which works when standard
 * input is a pipe. What the person types is not shown. One question is asked at a time.
 *
 * The terminal is raw meanwhile: keys that would raise a signal come as bytes, so that its modes
 * are restored before the signal is raised.
 */
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { CancelledError } from "../errors.ts";
import { atExit } from "../io/at-exit.ts";
import { ENDING } from "../io/ending-signals.ts";
import { neutralise } from "../text.ts";
import type { Question, Source } from "./question.ts";
import { Secret } from "./secret.ts";

const TERMINAL = "/dev/tty";
const MAX_BYTES = 1024;
/** How often the terminal is looked at for keys. */
const POLL_MS = 20;
/** How long a signal of ours may take to arrive. */
const HEARD_MS = 500;

/** Signals that end this process unless the program listens for them. */
const RESTORING = [...ENDING, "SIGQUIT"] as const;

/** Keys, by their bytes. */
const KEY = {
  interrupt: 3,
  end: 4,
  backspace: 8,
  newline: 10,
  return: 13,
  clear: 21,
  word: 23,
  stop: 26,
  quit: 28,
  delete: 127,
} as const;

/**
 * Has a function called if the process ends while the terminal is raw.
 *
 * @param again shows the end of the question again, for what writes something in between
 * @returns the opposite
 */
export type AtEnd = (restore: () => void, again: () => void) => () => void;

/** What a terminal source does besides asking. */
export interface TerminalHooks {
  /** Default: `restore` is called when the process exits. */
  readonly atEnd?: AtEnd;
  /** The person has pressed ctrl-C. Default: the process group gets SIGINT, as by the terminal. */
  readonly interrupt?: () => void | Promise<void>;
  /** Waits until what others write to the terminal is written. It must not wipe the question. */
  readonly settle?: () => Promise<void>;
}

/** What the terminal says to a person, and how the answer is shown. */
interface Line {
  readonly prompt: string;
  readonly isVisible: boolean;
  readonly signal: AbortSignal;
}

const settled = (): Promise<void> => Promise.resolve();

export class TerminalSource implements Source {
  readonly name = "the terminal";
  readonly isPerson = true;
  readonly answersAll = true;
  readonly #hooks: Required<TerminalHooks>;
  #last: Promise<unknown> = Promise.resolve();
  /** How often the person has cancelled: with a question, also those that wait behind it. */
  #cancels = 0;

  constructor({ atEnd = atExit, interrupt = raise, settle = settled }: TerminalHooks = {}) {
    this.#hooks = { atEnd, interrupt, settle };
  }

  /** Whether this process has a terminal, whatever its standard input is. */
  static isThere(): boolean {
    const fd = open();
    if (fd !== undefined) closeSync(fd);
    return fd !== undefined;
  }

  ask(question: Question, signal: AbortSignal): Promise<Secret | undefined> {
    return this.read({ prompt: shownPrompt(question), isVisible: question.isVisible, signal });
  }

  /**
   * @returns undefined if the person gave no answer, by ctrl-D, or there is no terminal
   * @throws {CancelledError} the person has cancelled
   */
  read(line: Line): Promise<Secret | undefined> {
    const before = this.#cancels;
    const answer = this.#last.then(() => {
      if (this.#cancels !== before) throw cancelled();
      return this.#read(line);
    });
    this.#last = answer.catch(() => {});
    return answer;
  }

  notice(text: string): void {
    const fd = open();
    if (fd === undefined) return;
    writeSync(fd, `${neutralise(text)}\n`);
    closeSync(fd);
  }

  async #read(line: Line): Promise<Secret | undefined> {
    if (line.signal.aborted) return undefined;
    const fd = open();
    if (fd === undefined) return undefined;
    try {
      return await new Typing(fd, line, this.#hooks).answer();
    } catch (error) {
      if (error instanceof CancelledError) this.#cancels += 1;
      throw error;
    } finally {
      closeSync(fd);
    }
  }
}

/** @returns what a person reads. About a host key, the program says itself what it takes. */
export function shownPrompt({ prompt, kind, isAgain }: Question): string {
  return isAgain && kind !== "other" ? `Wrong. ${prompt}` : prompt;
}

/** One question at the terminal. */
class Typing {
  readonly #fd: number;
  readonly #line: Line;
  readonly #hooks: Required<TerminalHooks>;
  readonly #bytes = new Uint8Array(MAX_BYTES);
  #length = 0;

  constructor(fd: number, line: Line, hooks: Required<TerminalHooks>) {
    this.#fd = fd;
    this.#line = line;
    this.#hooks = hooks;
  }

  async answer(): Promise<Secret | undefined> {
    try {
      for (;;) {
        const key = await this.#rawly(() => this.#type());
        switch (key) {
          case "newline":
            return new Secret(this.#bytes.slice(0, this.#length));
          case "end":
            return undefined;
          case "stop":
            // When the shell continues this process, the question is asked anew. SIGTSTP may have
            // a listener, which would stop this process later.
            process.kill(process.pid, "SIGSTOP");
            break;
          default:
            if (key === "quit") process.kill(process.pid, "SIGQUIT");
            else await this.#hooks.interrupt();
            throw cancelled();
        }
      }
    } finally {
      this.#bytes.fill(0);
    }
  }

  /** Does `work` while the terminal is raw. */
  async #rawly<T>(work: () => Promise<T>): Promise<T> {
    const saved = stty("-g");
    if (saved === undefined) throw new Error("stty cannot read the modes of the terminal");
    const restore = (): void => void stty(saved);
    const makeRaw = (): boolean => {
      return stty("-icanon", "-echo", "-isig", "min", "1", "time", "0") !== undefined;
    };
    const forget = [
      this.#hooks.atEnd(restore, () => this.#again()),
      ...RESTORING.map((name) => onSignal(name, restore)),
    ];
    // A shell restores the modes that it knows when it continues a process.
    process.on("SIGCONT", makeRaw);
    try {
      // Nothing must be typed that is shown.
      if (!makeRaw()) throw new Error("stty cannot change the modes of the terminal");
      await this.#hooks.settle();
      this.#write(neutralise(this.#line.prompt));
      return await work();
    } finally {
      process.off("SIGCONT", makeRaw);
      restore();
      this.#write("\n");
      for (const one of forget) one();
    }
  }

  /** Shows the last line of the question again, and what is typed, if that is shown. */
  #again(): void {
    const { prompt, isVisible } = this.#line;
    this.#write(neutralise(prompt.slice(prompt.lastIndexOf("\n") + 1)));
    if (isVisible) writeSync(this.#fd, this.#bytes.subarray(0, this.#length));
  }

  /** Takes keys until one ends the line. @returns the name of that key */
  async #type(): Promise<"newline" | "end" | "interrupt" | "stop" | "quit"> {
    const key = new Uint8Array(1);
    const { signal } = this.#line;
    try {
      while (!signal.aborted) {
        const count = readKey(this.#fd, key);
        if (count === 0) break;
        if (count === undefined) await Bun.sleep(POLL_MS);
        else {
          const name = this.#take(key[0] as number);
          if (name !== undefined) return name;
        }
      }
      return "end";
    } finally {
      key.fill(0);
    }
  }

  #take(byte: number): "newline" | "end" | "interrupt" | "stop" | "quit" | undefined {
    switch (byte) {
      case KEY.newline:
      case KEY.return:
        return "newline";
      case KEY.interrupt:
        return "interrupt";
      case KEY.stop:
        return "stop";
      case KEY.quit:
        return "quit";
      case KEY.end:
        return this.#length === 0 ? "end" : "newline";
      case KEY.backspace:
      case KEY.delete:
        this.#erase();
        break;
      case KEY.clear:
      case KEY.word:
        while (this.#length > 0) this.#erase();
        break;
      default:
        if (byte >= 32 || byte === 9) this.#append(byte);
    }
    return undefined;
  }

  #append(byte: number): void {
    if (this.#length === MAX_BYTES) return;
    this.#bytes[this.#length++] = byte;
    if (this.#line.isVisible) writeSync(this.#fd, Uint8Array.of(byte));
  }

  /** Takes one character back, which may be several bytes. */
  #erase(): void {
    if (this.#length === 0) return;
    do this.#length--;
    while (this.#length > 0 && ((this.#bytes[this.#length] as number) & 0xc0) === 0x80);
    if (this.#line.isVisible) this.#write("\b \b");
  }

  #write(text: string): void {
    writeSync(this.#fd, text);
  }
}

/** @returns a descriptor that does not block; undefined if this process has no terminal */
function open(): number | undefined {
  try {
    return openSync(TERMINAL, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
}

/** @returns 0 if the terminal is gone; undefined if no key was pressed */
function readKey(fd: number, into: Uint8Array): number | undefined {
  try {
    return readSync(fd, into, 0, 1, null);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EAGAIN" ? undefined : 0;
  }
}

/**
 * Runs `stty` on the terminal, with a descriptor of its own: Bun makes a descriptor blocking that a
 * child inherits, and a read that blocks holds up every context of this process.
 *
 * @returns what it prints; undefined if it fails
 */
function stty(...words: readonly string[]): string | undefined {
  const fd = open();
  if (fd === undefined) return undefined;
  try {
    const { stdout, success } = Bun.spawnSync(["stty", ...words], {
      stdio: [fd, "pipe", "ignore"],
    });
    return success ? stdout.toString().trim() : undefined;
  } finally {
    closeSync(fd);
  }
}

function cancelled(): CancelledError {
  return new CancelledError("ERR_CANCELLED", "cancelled at a question");
}

/**
 * Interrupts the process group, as the terminal does: a loop of the shell must end, too. Resolves
 * when this process has heard it, so that it ends by the signal and not by the error that follows.
 */
async function raise(): Promise<void> {
  if (process.listenerCount("SIGINT") === 0) {
    process.kill(0, "SIGINT");
    return;
  }
  const heard = Promise.withResolvers<void>();
  const hear = (): void => heard.resolve();
  process.on("SIGINT", hear);
  process.kill(0, "SIGINT");
  await Promise.race([heard.promise, Bun.sleep(HEARD_MS)]);
  process.off("SIGINT", hear);
}

/**
 * Calls `restore` at a signal. Without another listener, the signal then ends this process, as it
 * does by default.
 *
 * @returns what stops listening
 */
function onSignal(name: NodeJS.Signals, restore: () => void): () => void {
  const listener = (): void => {
    restore();
    process.off(name, listener);
    if (process.listenerCount(name) === 0) process.kill(process.pid, name);
  };
  process.on(name, listener);
  return () => void process.off(name, listener);
}
