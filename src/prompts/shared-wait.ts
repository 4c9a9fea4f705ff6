/**
 * SharedWait: one piece of work whose result several wait for. Each leaves by a signal of its own,
 * and the work goes on for the others. It is called off when the last one has left.
 */
import { orAborted } from "../io/abort.ts";

export class SharedWait<T> {
  readonly result: Promise<T>;
  readonly #calledOff = new AbortController();
  readonly #left: () => void;
  #waiting = 0;
  #isOver = false;

  /**
   * @param begin starts the work, which is to end soon after the signal
   * @param left is called when the last one has left before the end; what comes then is for none
   */
  constructor(begin: (signal: AbortSignal) => Promise<T>, left: () => void) {
    this.#left = left;
    this.result = begin(this.#calledOff.signal);
    const over = (): void => {
      this.#isOver = true;
    };
    this.result.then(over, over);
  }

  /**
   * @returns undefined as soon as the signal is aborted
   * @throws what the work throws
   */
  async wait(signal: AbortSignal): Promise<T | undefined> {
    this.#waiting += 1;
    try {
      return await orAborted(this.result, signal);
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0 && !this.#isOver) {
        // Whatever was found may come nevertheless.
        this.#isOver = true;
        this.#left();
        this.#calledOff.abort();
      }
    }
  }
}
