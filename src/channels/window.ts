/**
 * Window and Credit: flow control of a channel, which says how many bytes may be under way.
 * Arithmetic only; knows no message and no queue.
 *
 * The window of a receiver begins small, and doubles while its reader keeps up. So it becomes as
 * large as a long link needs, and stays small for a slow reader. A wide one is large from the
 * beginning: its sender must be told of that credit.
 *
 * Spec: docs/protocol.md, "Flow control". Twins: channels.py, channels.js.
 */
import { HEADER_BYTES } from "../protocol/frame.ts";
import { LIMITS, type Limits } from "../protocol/limits.ts";

type Bounds = Pick<Limits, "windowBytes" | "maxWindowBytes">;

/** The credit of a wide window besides that of any other. */
export const WIDE_CREDIT = LIMITS.maxWindowBytes - LIMITS.windowBytes;

/** The bytes that a value counts: with the header of its frame, so that none is free. */
export function costOf(bodyBytes: number): number {
  return bodyBytes + HEADER_BYTES;
}

/** The receiver's side. Bytes are counted from the first value on. */
export class Window {
  readonly #max: number;
  #size: number;
  #granted: number;
  #arrived = 0;
  #taken = 0;

  constructor(bounds: Bounds = LIMITS, isWide = false) {
    this.#size = isWide ? bounds.maxWindowBytes : bounds.windowBytes;
    this.#max = bounds.maxWindowBytes;
    this.#granted = this.#size;
  }

  /** Bytes that have arrived and were not taken. */
  get waiting(): number {
    return this.#arrived - this.#taken;
  }

  /** Whether a value may arrive. */
  get isOpen(): boolean {
    return this.#arrived < this.#granted;
  }

  /** A value has arrived. @returns false if its sender had no credit for it */
  arrive(cost: number): boolean {
    const isAllowed = this.isOpen;
    this.#arrived += cost;
    return isAllowed;
  }

  /** A value was taken. @returns the credit to send for it; 0 for none yet */
  take(cost: number): number {
    this.#taken += cost;
    if ((this.#granted - this.#taken) * 2 > this.#size) return 0;
    // The reader keeps up, so that only the window could slow a long link: let it grow.
    if (this.waiting === 0) this.#size = Math.min(2 * this.#size, this.#max);
    const credit = this.#taken + this.#size - this.#granted;
    this.#granted += credit;
    return credit;
  }
}

/** The sender's side. With any credit left, one more value may be sent, whatever it counts. */
export class Credit {
  readonly #max: number;
  #left: number;

  constructor(bounds: Bounds = LIMITS) {
    this.#left = bounds.windowBytes;
    this.#max = bounds.maxWindowBytes;
  }

  get isOpen(): boolean {
    return this.#left > 0;
  }

  spend(cost: number): void {
    this.#left -= cost;
  }

  /** Credit has come. @returns false if it is more than any window has */
  add(credit: number): boolean {
    this.#left += credit;
    return this.#left <= this.#max;
  }
}
