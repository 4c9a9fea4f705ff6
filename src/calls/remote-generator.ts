/**
 * A generator of a context, iterated from here: one call over there that sends what comes to a channel of its own, no faster than it is
 * taken. Knows no context but by how it calls.
 */

import { Channel } from "../channels/channel.ts";
import { UsageError } from "../errors.ts";
import type { CallSite } from "../traces/call-site.ts";
import { calledFrom } from "../traces/error-stack.ts";
import type { CallLimits } from "./callee.ts";

/** Calls what is econtext's own over there. */
export type CallTier = (limits: CallLimits, name: string, ...args: unknown[]) => Promise<unknown>;

/** What a generator has to end at its next `yield`, before it is interrupted. Milliseconds. */
const LEAVE_MS = 50;

/** Leaving its loop early ends it over there, as `return` does: at the next `yield`, or else interrupted like a cancelled call. */
export class RemoteGenerator<T = unknown> implements AsyncGenerator<T, void, undefined> {
  readonly #number: number;
  readonly #call: CallTier;
  #limits: CallLimits = {};
  #site: CallSite | undefined;
  #values: AsyncGenerator<T, void, undefined> | undefined;
  /** Closes it, whoever waits for its next value. */
  #leave = (): void => {};

  /** @param number what the far side knows it by */
  constructor(number: number, call: CallTier) {
    this.#number = number;
    this.#call = call;
  }

  /** Those of the call that gave it, from now on. */
  limit(limits: CallLimits, site: CallSite | undefined): void {
    this.#limits = limits;
    this.#site = site;
  }

  next(): Promise<IteratorResult<T, void>> {
    this.#values ??= this.#iterate();
    return this.#values.next();
  }

  /** Does not wait for a `next` that is under way: that ends as well. */
  async return(): Promise<IteratorResult<T, void>> {
    this.#leave();
    if (this.#values === undefined) {
      // Nobody would ever ask for it.
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
      receiver.end({ error });
      // Cancelled before it began, it would be kept.
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

/** @returns the same promise: `for await` iterates the generator that it is resolved with */
export function iterable(result: Promise<unknown>): Promise<unknown> & AsyncIterable<unknown> {
  // Not a class of promises of our own: awaiting one costs three turns more.
  const promise = result as Promise<unknown> & { [Symbol.asyncIterator]: typeof iterateResult };
  promise[Symbol.asyncIterator] = iterateResult;
  return promise;
}

function iterateResult(this: Promise<unknown>): AsyncGenerator<unknown> {
  const site = new Error();
  const generator = this.then((result) => {
    if (result instanceof RemoteGenerator) return result;
    const problem = "what was called is no generator: its result cannot be iterated";
    throw calledFrom(new UsageError("ERR_USAGE_ITERATE", problem), site);
  });
  // Told to whoever asks for a value.
  generator.catch(() => {});
  // Not a generator of its own: `return` would wait for the `next` that is under way.
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
