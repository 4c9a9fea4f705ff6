/**
 * Busy polling: descriptors from which much comes are asked in turns, with a wait of a millisecond
 * at most in between, instead of by the event loop. ssh hands over 32 KiB at a time, and a wake-up
 * of the event loop for each costs more than to move them.
 *
 * Also runs in a slave in Bun, as part of econtext.kernel.
 */
import { waitFor } from "./libc.ts";

/** A descriptor that is polled. */
export interface Source {
  readonly fd: number;
  /** Whether it should still be polled. */
  readonly isBusy: boolean;
  /**
   * @returns the number of bytes read; undefined if no byte is there, or none can be taken; 0 at
   * the end
   */
  read(): number | undefined;
  /** The event loop waits for it again. */
  idle(): void;
}

/** Bytes that one source is read for in a turn. */
const TURN_BYTES = 1 << 20;
const WAIT_MS = 1;
/** After so many turns without a byte, a source is left to the event loop. */
const PATIENCE = 25;

class BusyPoller {
  /** The number of turns without a byte, for each source. */
  readonly #idle = new Map<Source, number>();
  #isRunning = false;
  /** Whether a source had bytes when they were last waited for. */
  #isThere = false;

  add(source: Source): void {
    this.#idle.set(source, 0);
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(this.#turn);
  }

  /** Does not call the source. */
  delete(source: Source): void {
    this.#idle.delete(source);
  }

  readonly #turn = (): void => {
    // First: if a source throws, the others are still read.
    const next = setImmediate(this.#turn);
    let isIdle = true;
    for (const [source, idle] of this.#idle) {
      const { got, hasEnded } = readSome(source);
      if (got > 0) isIdle = false;
      this.#idle.set(source, got > 0 ? 0 : idle + 1);
      if (source.isBusy && !hasEnded && (got > 0 || idle < PATIENCE)) continue;
      this.#idle.delete(source);
      source.idle();
    }
    this.#isRunning = this.#idle.size > 0;
    if (!this.#isRunning) {
      clearImmediate(next);
      return;
    }
    // Bytes are there and were not taken: there is no room where they go.
    if (isIdle && this.#isThere) waitFor([], WAIT_MS);
    this.#isThere = isIdle && waitFor(Array.from(this.#idle.keys(), fdOf), WAIT_MS);
  };
}

function fdOf({ fd }: Source): number {
  return fd;
}

/** @returns the number of bytes, and whether no more will come: the event loop reports that */
function readSome(source: Source): { readonly got: number; readonly hasEnded: boolean } {
  let total = 0;
  while (total < TURN_BYTES && source.isBusy) {
    const got = source.read();
    if (got === undefined) break;
    if (got === 0) return { got: total, hasEnded: true };
    total += got;
  }
  return { got: total, hasEnded: false };
}

export const busyPoller = new BusyPoller();
