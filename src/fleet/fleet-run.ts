/** FleetRun: one run on a fleet. It begins when it is iterated or awaited. */
import type { FleetResult } from "./result.ts";

/**
 * The results of one run. `for await` gives each as soon as it is there; awaited, they are a list
 * in the order of the targets. It never throws for a target: a failure is a result.
 */
export class FleetRun<T> implements AsyncIterable<FleetResult<T>>, PromiseLike<FleetResult<T>[]> {
  readonly #begin: () => AsyncGenerator<FleetResult<T>, void, undefined>;
  #results: AsyncGenerator<FleetResult<T>, void, undefined> | undefined;
  #list: Promise<FleetResult<T>[]> | undefined;

  /** @internal */
  constructor(begin: () => AsyncGenerator<FleetResult<T>, void, undefined>) {
    this.#begin = begin;
  }

  /** Gives the results as they end. Leaving the loop early cancels what runs. */
  [Symbol.asyncIterator](): AsyncGenerator<FleetResult<T>, void, undefined> {
    this.#results ??= this.#begin();
    return this.#results;
  }

  // biome-ignore lint/suspicious/noThenProperty: that is what makes it run when it is awaited
  then<A = FleetResult<T>[], B = never>(
    resolve?: ((results: FleetResult<T>[]) => A | PromiseLike<A>) | null,
    reject?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#list ??= inOrder(this);
    return this.#list.then(resolve, reject);
  }
}

async function inOrder<T>(run: FleetRun<T>): Promise<FleetResult<T>[]> {
  const list: FleetResult<T>[] = [];
  for await (const result of run) list[result.index] = result;
  return list;
}
