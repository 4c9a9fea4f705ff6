/**
 * RemoteGenerator: a generator of a context, iterated from here. One call on the remote side sends
 * its values to a channel, no faster than they are taken. Knows a context only by how to call it.
 */

import { Channel } from "../channels/channel.ts";
import { UsageError } from "../errors.ts";
import type { CallSite } from "../traces/call-site.ts";
import { calledFrom } from "../traces/error-stack.ts";
import type { CallLimits } from "./options.ts";
import type { TierCall } from "./tier-call.ts";

/** Milliseconds that a generator has to end at its next `yield` before it is interrupted. */
const LEAVE_MS = 50;
const HOW = "for await (const value of context.call(…)) takes its values";

/**
 * Leaving its loop early ends the generator on the remote side, as `return` does: at its next
 * `yield`, or interrupted like a cancelled call.
 */
export class RemoteGenerator<T = unknown> implements AsyncGenerator<T, void, undefined> {
  readonly #number: number;
  readonly #call: TierCall;
  #limits: CallLimits = {};
  #site: CallSite | undefined;
  #values: AsyncGenerator<T, void, undefined> | undefined;
  /** Closes the channel of its values, so that a `next` that waits ends. */
  #leave = (): void => {};

  /** @param number the slave's name for the generator */
  constructor(number: number, call: TierCall) {
    this.#number = number;
    this.#call = call;
  }

  /** Sets the limits and the place of the call that returned the generator. */
  limit(limits: CallLimits, site: CallSite | undefined): void {
    this.#limits = limits;
    this.#site = site;
  }

  next(): Promise<IteratorResult<T, void>> {
    this.#values ??= this.#iterate();
    return this.#values.next();
  }

  /** Does not wait for a `next` that is under way: that one ends, too. */
  async return(): Promise<IteratorResult<T, void>> {
    this.#leave();
    if (this.#values === undefined) {
      // The slave keeps the generator until it is iterated or dropped.
      this.#values = nothing();
      await this.#call({}, "econtext.channels:drop", this.#number);
    }
    return this.#values.return();
  }

  async throw(error: unknown): Promise<IteratorResult<T, void>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** For `console.log`, where the object alone would look like an empty result. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `RemoteGenerator (${HOW})`;
  }

  /** @throws {UsageError} the values are not here: JSON would have none of them, silently */
  toJSON(): never {
    throw new UsageError(
      "ERR_USAGE_ITERATE",
      `a generator's values are not here yet\n  try: ${HOW}`,
    );
  }

  async *#iterate(): AsyncGenerator<T, void, undefined> {
    const { sender, receiver } = new Channel<T>();
    const stop = new AbortController();
    let isLeft = false;
    this.#leave = () => {
      isLeft = true;
      receiver.close();
    };
    const { deadline, signal } = this.#limits;
    const signals = signal === undefined ? [stop.signal] : [stop.signal, signal];
    const limits = { deadline, signal: AbortSignal.any(signals) };
    const pumped = this.#call(limits, "econtext.channels:pump", this.#number, sender);
    const over = pumped.catch((error) => {
      sender.close(error);
      // If the call was cancelled before it began, the slave still keeps the generator.
      this.#call({}, "econtext.channels:drop", this.#number).catch(() => {});
    });
    try {
      yield* receiver;
      if (!isLeft) await pumped;
    } catch (error) {
      throw this.#site === undefined ? error : calledFrom(error, this.#site);
    } finally {
      receiver.close();
      const timer = setTimeout(() => stop.abort(), LEAVE_MS);
      await over;
      clearTimeout(timer);
    }
  }
}

async function* nothing(): AsyncGenerator<never, void, undefined> {}

/** @returns the same promise, so that `for await` iterates the generator that it resolves with */
export function iterable(result: Promise<unknown>): Promise<unknown> & AsyncIterable<unknown> {
  // A subclass of Promise would cost three more turns of the microtask queue for each await.
  const promise = result as Promise<unknown> & { [Symbol.asyncIterator]: typeof iterateResult };
  promise[Symbol.asyncIterator] = iterateResult;
  return promise;
}

function iterateResult(this: Promise<unknown>): AsyncGenerator<unknown> {
  const site = new Error();
  const generator = this.then((result) => {
    if (result instanceof RemoteGenerator) return result;
    const problem =
      "what was called is no generator: its result cannot be iterated\n  try: await it";
    throw calledFrom(new UsageError("ERR_USAGE_ITERATE", problem), site);
  });
  // The error is thrown by `next`, so it is not unhandled.
  generator.catch(() => {});
  // An async generator function would make `return` wait for the `next` that is under way.
  return {
    next: async () => (await generator).next(),
    return: async () => (await generator).return(),
    throw: async (error) => (await generator).throw(error),
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await (await generator).return();
    },
  };
}
