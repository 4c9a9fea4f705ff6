/**
 * EmbeddedSpawner: runs command lines of ssh in this process, without an ssh. What it needs for
 * that is loaded for the first of them: most runs need none.
 */
import type { ByteChild, Spawner, SpawnOptions } from "../launch/child.ts";
import { ChannelChild } from "./channel-child.ts";
import type { ConnectionPool } from "./connection-pool.ts";
import { FallbackChild } from "./fallback-child.ts";

export class EmbeddedSpawner implements Spawner {
  readonly #fallback: Spawner | undefined;
  readonly #opened: (() => void) | undefined;
  #pool: Promise<ConnectionPool> | undefined;

  /**
   * @param fallback starts an ssh for a host that is refused here; undefined: none does
   * @param opened is called for each connection that there is
   */
  constructor(fallback: Spawner | undefined, opened?: () => void) {
    this.#fallback = fallback;
    this.#opened = opened;
  }

  spawn(argv: readonly string[], options: SpawnOptions): ByteChild {
    this.#pool ??= import("./connection-pool.ts").then(
      ({ ConnectionPool }) => new ConnectionPool(this.#opened),
    );
    const pool = this.#pool;
    return this.#fallback === undefined
      ? new ChannelChild(argv, options, pool)
      : new FallbackChild(argv, options, pool, this.#fallback);
  }
}
