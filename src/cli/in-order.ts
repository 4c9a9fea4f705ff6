/** Runs pieces of work at the same time, and gives what they yield in the order of the pieces. */
import { defaultWindow } from "../fleet/window.ts";
import { Turns } from "../io/turns.ts";

export interface InOrderOptions {
  /** How many pieces run at the same time. Default: what this machine can bear. */
  readonly window?: number | undefined;
  /** Aborted: no further piece is begun. */
  readonly signal: AbortSignal;
}

/**
 * The first piece is read while it runs. What the others yield meanwhile waits in memory.
 *
 * @returns for each piece what it yields; reading it throws what the piece has thrown
 */
export function inOrder<T>(
  pieces: readonly (() => AsyncIterable<T>)[],
  { window = defaultWindow(), signal }: InOrderOptions,
): readonly AsyncIterable<T>[] {
  const turns = new Turns(window);
  return pieces.map((piece) => {
    const held = new Held<T>();
    void turns.run(() => held.fill(signal.aborted ? [] : piece()));
    return held;
  });
}

/** What one piece has yielded, until it is read. */
class Held<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  #end: { readonly error?: unknown } | undefined;
  #change = Promise.withResolvers<void>();

  /** Never rejects: the reader gets the error. */
  async fill(source: AsyncIterable<T> | Iterable<T>): Promise<void> {
    try {
      for await (const item of source) {
        this.#items.push(item);
        this.#change.resolve();
      }
      this.#end = {};
    } catch (error) {
      this.#end = { error };
    }
    this.#change.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    for (;;) {
      yield* this.#items.splice(0);
      if (this.#items.length > 0) continue;
      if (this.#end !== undefined) break;
      await this.#change.promise;
      this.#change = Promise.withResolvers();
    }
    if ("error" in this.#end) throw this.#end.error;
  }
}
