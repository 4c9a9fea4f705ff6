/**
 * Looks for ctrl-C, and for the end of the terminal, while code of the prompt keeps this process
 * busy: no key can arrive as an event then. The guards of the code call it, and now and then it
 * reads the terminal itself. Knows no evaluation.
 */

/** Typed code was ended by ctrl-C. */
export class Interrupted extends Error {
  override name = "Interrupted";

  constructor() {
    super("ctrl-C ended the loop");
  }
}

export interface Keyboard {
  /**
   * Reads what was typed, without waiting.
   *
   * @returns undefined if nothing was typed; no bytes if the terminal is gone
   */
  readNow(): Uint8Array | undefined;
  /** Takes bytes that were read and are not for the watch, to deliver them as keys later. */
  giveBack(bytes: Uint8Array): void;
}

/** How many guards pass between two looks at the clock. */
const GUARDS = 64;
/** Milliseconds between two looks at the terminal. */
const PERIOD_MS = 50;
const CTRL_C = 3;

export class BusyWatch {
  #keyboard: Keyboard | undefined;
  #onInterrupt = (): void => {};
  #count = 0;
  #next = 0;
  #isInterrupted = false;

  /** @param onInterrupt is called when ctrl-C was found, before the code is ended */
  begin(keyboard: Keyboard, onInterrupt: () => void): void {
    this.#keyboard = keyboard;
    this.#onInterrupt = onInterrupt;
  }

  /** Lets typed code run again. */
  reset(): void {
    this.#isInterrupted = false;
  }

  /**
   * The function that guards call. After ctrl-C every call throws, because typed code may catch the
   * first error.
   *
   * @throws {Interrupted}
   */
  readonly guard = (): undefined => {
    if (this.#isInterrupted) throw new Interrupted();
    if (++this.#count % GUARDS === 0) this.#look();
  };

  #look(): void {
    const now = performance.now();
    if (now < this.#next) return;
    this.#next = now + PERIOD_MS;
    const bytes = this.#keyboard?.readNow();
    if (bytes === undefined) return;
    const at = bytes.lastIndexOf(CTRL_C);
    // As a terminal does, ctrl-C discards what was typed before it.
    if (at + 1 < bytes.length) this.#keyboard?.giveBack(bytes.subarray(at + 1));
    // Without a terminal, the signal that says so is handled when the code has ended.
    if (at < 0 && bytes.length > 0) return;
    this.#isInterrupted = true;
    this.#onInterrupt();
    throw new Interrupted();
  }
}
