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

export class PromptTerminal {
  /** The far end, to be opened by the program. */
  readonly path: string;
  readonly #fd: number;
  readonly #said: (text: string) => void;
  #timer: ReturnType<typeof setInterval>;

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

  write(bytes: Uint8Array): void {
    writeSync(this.#fd, bytes);
  }

  /** No question will come. What is printed is read now and then, so that no writer has to wait. */
  relax(): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#read(), RUNNING_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    closeSync(this.#fd);
  }

  #read(): void {
    const chunk = Buffer.alloc(CHUNK);
    try {
      for (let size = 1; size > 0; ) {
        size = readSync(this.#fd, chunk);
        if (size > 0) this.#said(chunk.toString("utf8", 0, size));
      }
    } catch {
      // Nothing is there now; or no program has the far end open.
    }
  }
}
