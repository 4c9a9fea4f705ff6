/**
 * Channel: values one way, from all holders of its sender to its one receiver, until either end is
 * closed. Within this process it is a queue. Its sender may be given to contexts, as an
 * argument or within a value (sender-table.ts). Knows no context and no message.
 *
 * Twins: stage1/python/tier2/channels.py, stage1/javascript/tier2/channels.js: the same words.
 */
import { ChannelError, TimeoutError } from "../errors.ts";
import { Inbox } from "./inbox.ts";

export interface ReceiveOptions {
  /** Milliseconds from now until the wait is given up. */
  readonly deadline?: number;
}

/** Where the values of a sender go: an inbox of this process, or a receiver of a context. */
export interface SendTarget {
  /**
   * Resolves when there is room for more.
   *
   * @throws when the channel is closed, or the value cannot be sent
   */
  send(value: unknown): Promise<void>;
  close(error?: unknown): void;
  readonly closed: boolean;
  /**
   * `tell` is called once, when the receiver has closed the channel: with the error, if there is
   * one.
   */
  onRefused?(tell: (reason?: unknown) => void): void;
  /** As `Sender.credit`. Absent where credit is not counted. */
  credit?(bytes: number): void;
}

/** Values that wait within this process before `send` does. */
const MAX_LOCAL = 16;

/** Internals of the public classes, for the other files of this folder. */
const targets = new WeakMap<Sender, SendTarget>();
const inboxes = new WeakMap<Receiver, Inbox>();

/**
 * The end of a channel that values are sent by. May be an argument or a result of a call, or within
 * one. Made by `Channel`.
 */
export class Sender<T = unknown> {
  readonly #target: SendTarget;

  /** @internal */
  constructor(target: SendTarget) {
    this.#target = target;
    targets.set(this, target);
  }

  /** Whether the receiver takes no more values. */
  get closed(): boolean {
    return this.#target.closed;
  }

  /**
   * Sends a value. Resolves when there is room for more: await it, to be no faster than the
   * receiver.
   *
   * @throws {ChannelError} `ERR_CHANNEL_CLOSED`
   * @throws {ValueError} the value cannot be sent
   */
  send(value: T): Promise<void> {
    return this.#target.send(value);
  }

  /**
   * Ends the channel after the values that were sent. With an error, the receiver throws that.
   * Idempotent.
   */
  close(error?: unknown): void {
    this.#target.close(error);
  }

  /** @internal The receiver has granted so many bytes more, and does not say so. */
  credit(bytes: number): void {
    this.#target.credit?.(bytes);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The end of a channel that values are received from. Made by `Channel`. */
export class Receiver<T = unknown> implements AsyncIterable<T> {
  readonly #inbox: Inbox;

  /** @internal */
  constructor(inbox: Inbox) {
    this.#inbox = inbox;
    inboxes.set(this, inbox);
  }

  /** Whether no value waits and none will come. */
  get closed(): boolean {
    return this.#inbox.isEnded && !this.#inbox.isReady;
  }

  /**
   * The next value, in the order in which they were sent.
   *
   * @throws {ChannelError} `ERR_CHANNEL_CLOSED`: no more values will come
   * @throws {TimeoutError} `ERR_DEADLINE_RECEIVE`
   */
  async receive(options: ReceiveOptions = {}): Promise<T> {
    const { deadline } = options;
    const until = performance.now() + (deadline ?? Number.POSITIVE_INFINITY);
    while (!this.#inbox.isReady) {
      if (this.#inbox.isEnded) {
        const hint = "iterate the receiver: the iteration ends where the channel is closed";
        throw new ChannelError("ERR_CHANNEL_CLOSED", `the channel is closed\n  try: ${hint}`);
      }
      const left = until - performance.now();
      if (left <= 0) {
        const hint = "a longer deadline: nothing is lost, what comes later is received later";
        throw new TimeoutError(
          "ERR_DEADLINE_RECEIVE",
          `nothing came within ${deadline} ms\n  try: ${hint}`,
        );
      }
      await this.#inbox.change(left);
    }
    return this.#inbox.take() as T;
  }

  /** Ends when the channel is closed. Leaving the loop early closes the channel. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    const inbox = this.#inbox;
    try {
      for (;;) {
        while (inbox.isReady) yield inbox.take() as T;
        if (inbox.isEnded) return;
        await inbox.change();
      }
    } finally {
      this.close();
    }
  }

  /**
   * Closes the channel: values that wait are dropped. Senders are told, with the error if there is
   * one. Idempotent.
   */
  close(error?: unknown): void {
    this.#inbox.close(error);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Values one way, between contexts or within one: keep the receiver, and give the sender away. */
export class Channel<T = unknown> {
  readonly sender: Sender<T>;
  readonly receiver: Receiver<T>;

  constructor() {
    const inbox = new Inbox();
    this.receiver = new Receiver<T>(inbox);
    this.sender = new Sender<T>(new LocalTarget(inbox));
  }
}

/** @returns where the values of this sender go */
export function targetOf(sender: Sender): SendTarget {
  return targets.get(sender) as SendTarget;
}

/** @returns the values that wait for this receiver */
export function inboxOf(receiver: Receiver): Inbox {
  return inboxes.get(receiver) as Inbox;
}

/** The target of a channel whose receiver is in this process. */
export class LocalTarget implements SendTarget {
  readonly inbox: Inbox;
  /** Called when values were taken. */
  #waiters: (() => void)[] = [];

  constructor(inbox: Inbox) {
    this.inbox = inbox;
    inbox.onStop(() => this.#wake());
  }

  get closed(): boolean {
    return this.inbox.isEnded;
  }

  async send(value: unknown): Promise<void> {
    if (this.closed) throw new ChannelError("ERR_CHANNEL_CLOSED", "the channel is closed");
    this.inbox.put({ value, taken: () => this.#wake() });
    if (this.inbox.waiting < MAX_LOCAL) return;
    await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  close(error?: unknown): void {
    this.inbox.end(error === undefined ? undefined : { error });
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}
