/**
 * Channel: values one way, from whoever has its sender to its one receiver, until either is closed. Within this process it is a queue; its
 * sender may be given to contexts, as an argument or within a value (who has it where, is peer.ts's). Knows no context and no message.
 *
 * Twins: stage1/python/channels.py, stage1/js/channels.js: the same words.
 */

import { ChannelError, TimeoutError } from "../errors.ts";
import type { SpliceTarget } from "../io/splice-pipe.ts";
import { calledFrom } from "../traces/error-stack.ts";

export interface ReceiveOptions {
  /** Milliseconds from now until it is given up. */
  readonly deadline?: number;
}

/** Where the values of a sender go. */
export interface SendTarget {
  /** Resolves when there is room for more. @throws when it is closed, or the value cannot be sent */
  send(value: unknown): Promise<void>;
  close(error?: unknown): void;
  readonly closed: boolean;
  /** `tell` is called, once, when it is closed from there: with an error if there is one. */
  onRefused?(tell: (reason?: unknown) => void): void;
}

/** A value on its way to who receives. */
export interface Parcel {
  readonly value: unknown;
  /** It was taken. */
  taken(): void;
}

/** Local values that wait before `send` does. */
const MAX_LOCAL = 16;
/** Milliseconds: what a timer can wait for. */
const MAX_TIMER = 0x7fffffff;

export class Sender<T = unknown> {
  readonly #outlet: SendTarget;

  /** Made by a `Channel`, or by what a context sends. */
  constructor(outlet: SendTarget) {
    this.#outlet = outlet;
    outlets.set(this, outlet);
  }

  /** Whether the receiver takes no more. */
  get closed(): boolean {
    return this.#outlet.closed;
  }

  /**
   * Resolves when there is room for more: awaiting it is what slows a fast sender.
   *
   * @throws {ChannelError} `ERR_CHANNEL_CLOSED`
   * @throws {ValueError} the value cannot be sent
   */
  send(value: T): Promise<void> {
    return this.#outlet.send(value);
  }

  /** The receiver ends when it has taken what was sent before; with an error, it throws that. Idempotent. */
  close(error?: unknown): void {
    this.#outlet.close(error);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Behind the back of users: where the values of a sender go. */
const outlets = new WeakMap<Sender, SendTarget>();

export function outletOf(sender: Sender): SendTarget {
  return outlets.get(sender) as SendTarget;
}

export class Receiver<T = unknown> implements AsyncIterable<T> {
  #parcels: Parcel[] = [];
  /** The first that was not taken. */
  #at = 0;
  #hooks = new Set<() => void>();
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #onStop: ((error?: unknown) => void)[] = [];
  /** What may take bytes that come for it while nothing waits: for who brings them, and who takes them. */
  sink: SpliceTarget | undefined;

  /** Whether it takes no more: nothing that waits is left. */
  get closed(): boolean {
    return this.#ended && !this.isReady;
  }

  /**
   * The next value, in the order in which they were sent.
   *
   * @throws {ChannelError} `ERR_CHANNEL_CLOSED` when there is none to come
   * @throws {TimeoutError} `ERR_DEADLINE_RECEIVE`
   */
  async receive(options: ReceiveOptions = {}): Promise<T> {
    const { deadline } = options;
    const until = performance.now() + (deadline ?? Number.POSITIVE_INFINITY);
    while (!this.isReady) {
      if (this.#ended) throw new ChannelError("ERR_CHANNEL_CLOSED", "the channel is closed");
      const left = until - performance.now();
      if (left <= 0) {
        throw new TimeoutError("ERR_DEADLINE_RECEIVE", `nothing came within ${deadline} ms`);
      }
      await this.#change(left);
    }
    return this.take() as T;
  }

  /** Ends when the channel is closed; leaving it early closes the channel. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      for (;;) {
        while (this.isReady) yield this.take() as T;
        if (this.#ended) return;
        await this.#change();
      }
    } finally {
      this.close();
    }
  }

  /** What waits is dropped; senders hear that nobody receives any more, and with an error why. Idempotent. */
  close(error?: unknown): void {
    this.#stop(error);
    this.#failure = undefined;
    this.#parcels = [];
    this.#at = 0;
    this.#wake();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  // -- For who brings values here, and for `Select` --

  /** How many wait. */
  get waiting(): number {
    return this.#parcels.length - this.#at;
  }

  /** Whether `take` gives or throws something. */
  get isReady(): boolean {
    return this.waiting > 0 || this.#failure !== undefined;
  }

  /** Whether no more is to come; something may still wait. */
  get isEnded(): boolean {
    return this.#ended;
  }

  /** Take the first that waits. @throws why the channel was closed, when nothing is left */
  take(): unknown {
    const parcel = this.#parcels[this.#at];
    if (parcel === undefined) {
      const { error } = this.#failure ?? {};
      this.#failure = undefined;
      throw calledFrom(error, new Error());
    }
    this.#at++;
    // Not each time: that would move all that wait.
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

  /** No more is to come. */
  end(failure?: { readonly error: unknown }): void {
    if (this.#ended) return;
    this.#failure = failure;
    this.#stop();
    this.#wake();
  }

  /** `tell` is called, once, when nothing more is taken in: with an error if the receiver was closed with one. */
  onStop(tell: (error?: unknown) => void): void {
    if (this.#ended) tell();
    else this.#onStop.push(tell);
  }

  /** `hook` is called, once, when something has come or the channel is closed; unless it is taken back. */
  onReady(hook: () => void): void {
    this.#hooks.add(hook);
  }

  offReady(hook: () => void): void {
    this.#hooks.delete(hook);
  }

  /** Resolves when something has come, the channel is closed, or `ms` have passed. */
  #change(ms = Number.POSITIVE_INFINITY): Promise<void> {
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

export class Channel<T = unknown> {
  readonly sender: Sender<T>;
  readonly receiver: Receiver<T>;

  constructor() {
    this.receiver = new Receiver<T>();
    this.sender = new Sender<T>(new LocalTarget(this.receiver as Receiver));
  }
}

/** Of a channel whose receiver is in this process. */
export class LocalTarget implements SendTarget {
  readonly receiver: Receiver;
  /** Resolve when values were taken. */
  #waiters: (() => void)[] = [];

  constructor(receiver: Receiver) {
    this.receiver = receiver;
    receiver.onStop(() => this.#wake());
  }

  get closed(): boolean {
    return this.receiver.isEnded;
  }

  async send(value: unknown): Promise<void> {
    if (this.closed) throw new ChannelError("ERR_CHANNEL_CLOSED", "the channel is closed");
    this.receiver.put({ value, taken: () => this.#wake() });
    if (this.receiver.waiting < MAX_LOCAL) return;
    await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  close(error?: unknown): void {
    this.receiver.end(error === undefined ? undefined : { error });
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}
