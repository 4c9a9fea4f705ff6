/**
 * Flow control of one way of a channel: how much may be under way, and when more may. Arithmetic only; knows no message and no queue.
 *
 * A receiver's window begins small and doubles while whoever receives keeps up: so it becomes as large as a long link needs, and stays small
 * for who is slow. Spec: docs/protocol.md, "Flow control". Twins: channels.py, channels.js.
 */
import { HEADER_BYTES } from "../protocol/frame.ts";
import { LIMITS, type Limits } from "../protocol/limits.ts";

type Bounds = Pick<Limits, "windowBytes" | "maxWindowBytes">;

/** What a value counts: its body and the header of its frame, so that many small ones are no less than a large one. */
export function costOf(bodyBytes: number): number {
  return bodyBytes + HEADER_BYTES;
}

/** The receiver's side. Bytes are counts since the beginning. */
export class Window {
  readonly #max: number;
  #size: number;
  #granted: number;
  #arrived = 0;
  #taken = 0;

  constructor(bounds: Bounds = LIMITS) {
    this.#size = bounds.windowBytes;
    this.#max = bounds.maxWindowBytes;
    this.#granted = bounds.windowBytes;
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

  /** A value was taken. @returns the credit to give for that; 0: not yet */
  take(cost: number): number {
    this.#taken += cost;
    if ((this.#granted - this.#taken) * 2 > this.#size) return 0;
    // It keeps up: let no link be so long that it is the window which slows it.
    if (this.waiting === 0) this.#size = Math.min(2 * this.#size, this.#max);
    const credit = this.#taken + this.#size - this.#granted;
    this.#granted += credit;
    return credit;
  }
}

/** The sender's side. While there is any credit, one more value may be sent, whatever it counts. */
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

  /** More of it has come. @returns false: more than any window has */
  add(credit: number): boolean {
    this.#left += credit;
    return this.#left <= this.#max;
  }
}
