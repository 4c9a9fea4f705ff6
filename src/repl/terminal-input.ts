/**
 * The keys of the terminal, on their way to the line editor. A paste is taken out and delivered as
 * one text: a bracketed paste by its marks, another one because its lines arrive together. Knows
 * nothing of lines and their meaning.
 */
import { PassThrough } from "node:stream";
import { readNow, waitFor } from "../io/libc.ts";
import type { Keyboard } from "./busy-watch.ts";

const BEGIN = "\x1b[200~";
const END = "\x1b[201~";
/** Asks the terminal to mark pastes; and to stop it. */
export const MARK_PASTES = "\x1b[?2004h";
export const LEAVE_PASTES = "\x1b[?2004l";
/** Milliseconds in which the parts of one paste without marks follow each other. */
const PASTE_MS = 25;
/** Control keys besides tab and line ends: such bytes are typed, not pasted. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: this pattern looks for them
const KEYS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/;
const SEVERAL_LINES = /[\r\n](?=[^\r\n])/;
const MAX_READ = 65_536;

export class TerminalInput extends PassThrough implements Keyboard {
  readonly isTTY = true;
  readonly #stdin: typeof process.stdin;
  readonly #paste: (text: string) => void;
  readonly #decoder = new TextDecoder();
  /** The text of a paste whose end has not arrived; undefined outside of a paste. */
  #pasting: string | undefined;
  /** Several keys that arrived together: more of a paste may follow. */
  #held = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the keys were typed while an input was evaluated: several lines are no paste. */
  #isAhead = false;
  /** Takes all keys instead of the line editor. */
  #diverted: ((bytes: Uint8Array) => void) | undefined;
  readonly #onData = (bytes: Uint8Array): void => {
    if (this.#diverted !== undefined) this.#diverted(bytes);
    else this.#take(this.#decoder.decode(bytes, { stream: true }));
  };

  /** @param paste gets the text of a paste; its line ends are `\n` */
  constructor(stdin: typeof process.stdin, paste: (text: string) => void) {
    super();
    this.#stdin = stdin;
    this.#paste = paste;
    stdin.on("data", this.#onData);
    stdin.once("end", () => this.end());
  }

  setRawMode(isRaw: boolean): this {
    this.#stdin.setRawMode(isRaw);
    return this;
  }

  /** Sends all keys elsewhere. @returns what sends them to the line editor again */
  divert(take: (bytes: Uint8Array) => void): () => void {
    this.#diverted = take;
    return () => {
      this.#diverted = undefined;
    };
  }

  readNow(): Uint8Array | undefined {
    const { fd } = this.#stdin as unknown as { readonly fd: number };
    if (this.#stdin.isPaused() || !waitFor([fd], 0)) return undefined;
    const bytes = new Uint8Array(MAX_READ);
    return bytes.subarray(0, readNow(fd, bytes) ?? 0);
  }

  giveBack(bytes: Uint8Array): void {
    setImmediate(() => {
      this.#isAhead = true;
      this.#onData(bytes);
      this.#isAhead = false;
    });
  }

  /** Takes what was typed while an input was evaluated, now that the evaluation has ended. */
  takeAhead(): void {
    const bytes = this.readNow();
    if (bytes !== undefined && bytes.length > 0) this.giveBack(bytes);
  }

  /** Lets go of the terminal. */
  release(): void {
    clearTimeout(this.#timer);
    this.#stdin.off("data", this.#onData);
    this.#stdin.pause();
  }

  #take(text: string): void {
    if (this.#pasting !== undefined) {
      this.#bracketed(this.#pasting + text);
      return;
    }
    const begin = text.indexOf(BEGIN);
    if (begin < 0) {
      this.#unmarked(text);
      return;
    }
    if (begin > 0) this.#unmarked(text.slice(0, begin));
    this.#deliver();
    this.#bracketed(text.slice(begin + BEGIN.length));
  }

  #bracketed(text: string): void {
    const end = text.indexOf(END);
    this.#pasting = end < 0 ? text : undefined;
    if (end < 0) return;
    this.#paste(withLineFeeds(text.slice(0, end)));
    const rest = text.slice(end + END.length);
    if (rest !== "") this.#take(rest);
  }

  /** A single key is delivered at once. Several that hold a line end may begin a paste. */
  #unmarked(text: string): void {
    const isAlone = this.#held === "" && (text.length === 1 || !/[\r\n]/.test(text));
    // Lines that were typed ahead arrive together, too.
    if (isAlone || KEYS.test(text) || this.#isAhead) {
      this.#deliver();
      this.push(text);
      return;
    }
    this.#held += text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#deliver(), PASTE_MS);
  }

  #deliver(): void {
    clearTimeout(this.#timer);
    const held = this.#held;
    this.#held = "";
    if (SEVERAL_LINES.test(held)) this.#paste(withLineFeeds(held));
    else if (held !== "") this.push(held);
  }
}

function withLineFeeds(text: string): string {
  return text.replace(/\r\n?/g, "\n");
}
