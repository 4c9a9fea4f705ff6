/** Progress of the lending of runtimes, as one line of a terminal that is written anew; nowhere else a word of it. */
import type { LendProgress } from "../../index.ts";
import { stderr } from "./output.ts";

/** What a reader can follow, and no more. */
const EVERY_MS = 100;
const ERASE = "\r\x1b[K";

export class Lending {
  /** By context, while it is under way. */
  readonly #parts = new Map<string, string>();
  #shownAt = 0;
  #isShown = false;

  readonly show = ({ context, sentBytes, totalBytes }: LendProgress): void => {
    if (!stderr.isTerminal) return;
    const isDone = sentBytes >= totalBytes;
    if (isDone) this.#parts.delete(context);
    else this.#parts.set(context, `${megabytes(sentBytes)} of ${megabytes(totalBytes)} MB`);
    if (!isDone && performance.now() - this.#shownAt < EVERY_MS) return;
    this.#shownAt = performance.now();
    const [first, ...others] = [...this.#parts].map(([name, part]) => `${name}: ${part}`);
    const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
    const line = first === undefined ? "" : `lending bun to ${first}${more}`;
    const width = (process.stderr.columns || 80) - 1;
    stderr.write(`${ERASE}${line.slice(0, width)}`).catch(() => {});
    this.#isShown = line !== "";
  };

  /** What takes the line away, to be written in front of anything else. */
  erased(): string {
    const erase = this.#isShown ? ERASE : "";
    this.#isShown = false;
    return erase;
  }
}

function megabytes(bytes: number): number {
  return Math.floor(bytes / 1e6);
}
