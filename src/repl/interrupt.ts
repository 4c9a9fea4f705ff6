/**
 * Contexts whose calls can all be cancelled at once, again and again: what ctrl-C does. Changes the methods of each context itself, so
 * that it stays what it is to everybody else. Knows no terminal.
 */
import { inspect } from "node:util";
import type { Broker, CallOptions, Context, ExecOptions } from "../index.ts";

type Callable = string | ((...args: never[]) => unknown);

export class Interrupt {
  readonly #deadline: () => number | undefined;
  #controller = new AbortController();

  /** @param deadline milliseconds that a call has which says nothing of its own */
  constructor(deadline: () => number | undefined) {
    this.#deadline = deadline;
  }

  /** Cancels all that runs; what begins later is not affected. */
  now(): void {
    const controller = this.#controller;
    this.#controller = new AbortController();
    controller.abort();
  }

  /** Contexts that are opened from now on obey. */
  watch(broker: Broker): void {
    const connect = broker.connect.bind(broker);
    hide(broker, {
      connect: async (...args: Parameters<Broker["connect"]>) =>
        this.#watched(await connect(...args)),
    });
  }

  #watched(context: Context): Context {
    const exec = context.exec.bind(context);
    const callWith = context.callWith.bind(context) as (
      options: CallOptions,
      fn: Callable,
      ...args: unknown[]
    ) => Promise<unknown>;
    hide(context, {
      [inspect.custom]: () => named(context),
      call: (fn: Callable, ...args: unknown[]) => callWith(this.#limits({}), fn, ...args),
      callWith: (options: CallOptions, fn: Callable, ...args: unknown[]) =>
        callWith(this.#limits(options), fn, ...args),
      exec: (argv: readonly string[], options: ExecOptions = {}) =>
        exec(argv, this.#limits(options)),
    });
    return context;
  }

  #limits<T extends { readonly deadline?: number; readonly signal?: AbortSignal }>(options: T): T {
    const deadline = options.deadline ?? this.#deadline();
    const ours = this.#controller.signal;
    const signal = options.signal === undefined ? ours : AbortSignal.any([options.signal, ours]);
    return { ...options, signal, ...(deadline === undefined ? {} : { deadline }) };
  }
}

/** The names of our classes are lost when they are compiled. */
function named(context: Context): string {
  return `Context ${context.name} (${context.connected ? "connected" : "not connected"})`;
}

/** Like methods of a class, they are not shown when the object is. */
function hide(owner: object, methods: Readonly<Record<string | symbol, unknown>>): void {
  for (const name of Reflect.ownKeys(methods)) {
    const value = methods[name];
    Object.defineProperty(owner, name, { value, configurable: true, enumerable: false });
  }
}
