/** EmbeddedSpawner: runs command lines of ssh in this process, without an ssh. */
import type { ByteChild, Spawner, SpawnOptions } from "../launch/child.ts";
import { ChannelChild } from "./channel-child.ts";
import { ConnectionPool } from "./connection-pool.ts";

export class EmbeddedSpawner implements Spawner {
  readonly #pool: ConnectionPool;
  readonly #fallback: Spawner | undefined;

  /** @param fallback starts an ssh for a host that is refused here; undefined: none does */
  constructor(fallback: Spawner | undefined, pool = new ConnectionPool()) {
    this.#pool = pool;
    this.#fallback = fallback;
  }

  spawn(argv: readonly string[], options: SpawnOptions): ByteChild {
    return new ChannelChild(argv, options, this.#pool, this.#fallback);
  }
}
