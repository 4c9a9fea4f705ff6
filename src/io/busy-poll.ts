/**
 * Descriptors from which much comes are waited for here, for a moment at a time, and not by the event loop: ssh hands over 32 KiB at a time, and to be
 * woken by the loop for each costs more than to move it. Other events wait no longer than that.
 */
import { waitFor } from "./libc.ts";

/** One of them. */
export interface Source {
  readonly fd: number;
  /** Whether it is to be read by turns still. */
  readonly isBusy: boolean;
  /** @returns how many bytes were got; undefined: none are there, or nobody takes them now; 0 at the end */
  read(): number | undefined;
  /** It is waited for by the event loop again. */
  idle(): void;
}

/** Bytes of one source in a turn. */
const TURN_BYTES = 1 << 20;
const MOMENT_MS = 1;
/** Turns that bring nothing, before one is left to the event loop again. */
const PATIENCE = 25;

class BusyPoller {
  /** Each with how many turns have brought nothing. */
  readonly #idle = new Map<Source, number>();
  #isRunning = false;
  /** There was something when it was last waited for. */
  #isThere = false;

  add(source: Source): void {
    this.#idle.set(source, 0);
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(this.#turn);
  }

  /** Without a word to it. */
  delete(source: Source): void {
    this.#idle.delete(source);
  }

  readonly #turn = (): void => {
    // First: whatever one of them throws, the others are read on.
    const next = setImmediate(this.#turn);
    let isIdle = true;
    for (const [source, idle] of this.#idle) {
      const got = readSome(source);
      if (got > 0) isIdle = false;
      this.#idle.set(source, got > 0 ? 0 : idle + 1);
      if (source.isBusy && (got > 0 || idle < PATIENCE)) continue;
      this.#idle.delete(source);
      source.idle();
    }
    this.#isRunning = this.#idle.size > 0;
    if (!this.#isRunning) {
      clearImmediate(next);
      return;
    }
    // Something is there, and is not taken: there is no room where it goes.
    if (isIdle && this.#isThere) waitFor([], MOMENT_MS);
    this.#isThere = isIdle && waitFor(Array.from(this.#idle.keys(), fdOf), MOMENT_MS);
  };
}

function fdOf({ fd }: Source): number {
  return fd;
}

function readSome(source: Source): number {
  let total = 0;
  while (total < TURN_BYTES && source.isBusy) {
    const got = source.read();
    if (got === undefined || got === 0) break;
    total += got;
  }
  return total;
}

export const busyPoller = new BusyPoller();
