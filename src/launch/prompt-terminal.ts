/**
 * PromptTerminal: a terminal for a program that asks for a password there and nowhere else. It
 * carries the question and the answer; all data goes through pipes. Its near end stays open as long
 * as the program runs: closing it would hang up on the program.
 */
import { closeSync, readSync, writeSync } from "node:fs";
import { openTerminal } from "../io/libc.ts";

/** How often the terminal is read while questions may come, and afterwards. */
const ASKING_MS = 20;
const RUNNING_MS = 1000;
const CHUNK = 4096;
/** Chunks of one turn: what is printed without end must not keep this process. */
const MOST_CHUNKS = 16;

export class PromptTerminal {
  /** The far end, to be opened by the program. */
  readonly path: string;
  readonly #fd: number;
  readonly #said: (text: string) => void;
  #timer: ReturnType<typeof setInterval>;
  /** From then on, its number may be another file's. */
  #isClosed = false;

  /** @returns undefined if the system has no terminal for us */
  static open(said: (text: string) => void): PromptTerminal | undefined {
    const made = openTerminal();
    return made && new PromptTerminal(made, said);
  }

  constructor(
    { fd, path }: { readonly fd: number; readonly path: string },
    said: (text: string) => void,
  ) {
    this.#fd = fd;
    this.path = path;
    this.#said = said;
    this.#timer = setInterval(() => this.#read(), ASKING_MS);
  }

  /** Without effect after `close`. @throws the system's error */
  write(bytes: Uint8Array): void {
    if (!this.#isClosed) writeSync(this.#fd, bytes);
  }

  /** No question will come. What is printed is read now and then, so that no writer has to wait. */
  relax(): void {
    if (this.#isClosed) return;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#read(), RUNNING_MS).unref();
  }

  /** Reads what was printed last. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#read();
    this.#isClosed = true;
    clearInterval(this.#timer);
    closeSync(this.#fd);
  }

  #read(): void {
    const chunk = Buffer.alloc(CHUNK);
    try {
      for (let turn = 0; turn < MOST_CHUNKS; turn++) {
        const size = readSync(this.#fd, chunk);
        if (size === 0) return;
        this.#said(chunk.toString("utf8", 0, size));
      }
    } catch {
      // Nothing is there now; or no program has the far end open.
    }
  }
}
