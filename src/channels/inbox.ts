/**
 * Inbox: the values that have arrived for one receiver and wait to be taken, and how the channel
 * ended. Knows no context and no message.
 */
import type { SpliceSink } from "../io/splice-pipe.ts";
import { MAX_TIMER } from "../io/timers.ts";
import { calledFrom } from "../traces/error-stack.ts";

/** A value in an inbox. */
export interface Parcel {
  readonly value: unknown;
  /** Called when the value is taken: its sender may send more. */
  taken(): void;
}

export class Inbox {
  #parcels: Parcel[] = [];
  /** Index of the first that was not taken. */
  #at = 0;
  #hooks = new Set<() => void>();
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #onStop: ((error?: unknown) => void)[] = [];
  /**
   * Fast path: while the inbox is empty, bytes may go straight from the connection to this sink,
   * without becoming values. Set by `spliceTo` of commands/output.ts, read by `InboundChannel`.
   */
  sink: SpliceSink | undefined;
  /** Whether a sender has the largest window from the beginning. */
  isWide = false;

  /** The number of values that wait. */
  get waiting(): number {
    return this.#parcels.length - this.#at;
  }

  /** Whether `take` returns or throws something. */
  get isReady(): boolean {
    return this.waiting > 0 || this.#failure !== undefined;
  }

  /** Whether no more values will come; some may still wait. */
  get isEnded(): boolean {
    return this.#ended;
  }

  /**
   * Takes the first value.
   *
   * @throws the error that the channel was closed with, when no value waits
   */
  take(): unknown {
    const parcel = this.#parcels[this.#at];
    if (parcel === undefined) {
      const { error } = this.#failure ?? {};
      this.#failure = undefined;
      throw calledFrom(error, new Error());
    }
    this.#at++;
    // Not each time: that would move all the others.
    if (this.#at * 2 > this.#parcels.length) {
      this.#parcels = this.#parcels.slice(this.#at);
      this.#at = 0;
    }
    parcel.taken();
    return parcel.value;
  }

  put(parcel: Parcel): void {
    if (this.#ended) return;
    this.#parcels.push(parcel);
    this.#wake();
  }

  /**
   * The sender has closed the channel. Idempotent.
   *
   * @param failure the error that it was closed with
   */
  end(failure?: { readonly error: unknown }): void {
    if (this.#ended) return;
    this.#failure = failure;
    this.#stop();
    this.#wake();
  }

  /** The receiver has closed the channel: values that wait are dropped. Idempotent. */
  close(error?: unknown): void {
    this.#stop(error);
    this.#failure = undefined;
    this.#parcels = [];
    this.#at = 0;
    this.#wake();
  }

  /**
   * `tell` is called once, when no more values are taken in: with the error, if the receiver closed
   * the channel with one.
   */
  onStop(tell: (error?: unknown) => void): void {
    if (this.#ended) tell();
    else this.#onStop.push(tell);
  }

  /**
   * `hook` is called once, when a value has come or the channel is closed, unless `offReady`
   * withdraws it.
   */
  onReady(hook: () => void): void {
    this.#hooks.add(hook);
  }

  offReady(hook: () => void): void {
    this.#hooks.delete(hook);
  }

  /** Resolves when a value has come, the channel is closed, or `ms` milliseconds have passed. */
  change(ms: number = Number.POSITIVE_INFINITY): Promise<void> {
    return new Promise((resolve) => {
      const hook = (): void => {
        clearTimeout(timer);
        this.offReady(hook);
        resolve();
      };
      const timer = ms <= MAX_TIMER ? setTimeout(hook, ms) : undefined;
      this.onReady(hook);
    });
  }

  #stop(error?: unknown): void {
    this.#ended = true;
    const listeners = this.#onStop;
    this.#onStop = [];
    for (const tell of listeners) tell(error);
  }

  #wake(): void {
    const hooks = this.#hooks;
    this.#hooks = new Set();
    for (const hook of hooks) hook();
  }
}
