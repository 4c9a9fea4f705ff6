/**
 * EmbeddedSpawner: runs command lines of ssh in this process, without an ssh. The code that does
 * so is loaded for the first of them: most runs need none.
 */
import type { ByteChild, Spawner, SpawnOptions } from "../launch/child.ts";
import { ChannelChild } from "./channel-child.ts";
import type { ConnectionPool, PoolOptions } from "./connection-pool.ts";
import { FallbackChild } from "./fallback-child.ts";

export interface EmbeddedOptions extends PoolOptions {
  /** Starts an ssh for a host that is refused here. Absent: none does. */
  readonly fallback?: Spawner | undefined;
}

export class EmbeddedSpawner implements Spawner {
  readonly #options: EmbeddedOptions;
  #pool: Promise<ConnectionPool> | undefined;

  constructor(options: EmbeddedOptions = {}) {
    this.#options = options;
  }

  spawn(argv: readonly string[], options: SpawnOptions): ByteChild {
    const { fallback, via } = this.#options;
    // The hop is opened while the configuration is read. A failure is told by the connection.
    via?.open()?.catch(() => {});
    this.#pool ??= import("./connection-pool.ts").then(
      ({ ConnectionPool }) => new ConnectionPool(this.#options),
    );
    const pool = this.#pool;
    return fallback === undefined
      ? new ChannelChild(argv, options, pool)
      : new FallbackChild(argv, options, pool, fallback);
  }
}
