/**
 * FallbackChild: runs a command by the embedded ssh, or by a spawned one if the embedded ssh
 * refuses the host. Bytes that are written before that is decided go to the client that runs.
 */
import type { DuplexListener } from "../io/duplex.ts";
import type { Chunk } from "../io/splice-pipe.ts";
import type { ByteChild, Ending, SlaveProcess, Spawner, SpawnOptions } from "../launch/child.ts";
import { ChannelChild } from "./channel-child.ts";
import type { ConnectionPool } from "./connection-pool.ts";

export class FallbackChild implements ByteChild {
  readonly argv: readonly string[];
  readonly ended: Promise<Ending>;
  readonly gone: Promise<void>;
  readonly #options: SpawnOptions;
  readonly #fallback: Spawner;
  readonly #ended = Promise.withResolvers<Ending>();
  #child: ByteChild;
  /** Error output of the embedded ssh, before the spawned one took its place. */
  #before = "";
  #hear: ((text: string) => void) | undefined;
  #listener: DuplexListener | undefined;

  constructor(
    argv: readonly string[],
    options: SpawnOptions,
    pool: Promise<ConnectionPool>,
    fallback: Spawner,
  ) {
    this.argv = argv;
    this.#options = options;
    this.#fallback = fallback;
    this.ended = this.#ended.promise;
    this.gone = this.ended.then(() => this.#child.gone);
    this.#child = new ChannelChild(argv, options, pool, (reason, waiting) => {
      options.chosen?.(reason);
      this.#replace(waiting);
    });
    void this.#child.ended.then(this.#ended.resolve);
  }

  #replace(waiting: readonly Chunk[]): void {
    this.#before = this.#child.stderr;
    const child = this.#fallback.spawn(this.argv, this.#options);
    this.#child = child;
    child.hear(this.#hear);
    if (this.#listener !== undefined) child.listen(this.#listener);
    // The writer was told to wait. A child that has taken all at once never says `drained`.
    const isTaken = waiting.map((chunk) => child.write(chunk)).every(Boolean);
    if (isTaken) this.#listener?.drained();
    void child.ended.then(this.#ended.resolve);
  }

  get stderr(): string {
    return this.#before + this.#child.stderr;
  }

  hear(listener: ((text: string) => void) | undefined): void {
    this.#hear = listener;
    this.#child.hear(listener);
  }

  listen(listener: DuplexListener): void {
    this.#listener = listener;
    this.#child.listen(listener);
  }

  write(chunk: Chunk): boolean {
    return this.#child.write(chunk);
  }

  writeSecret(bytes: Uint8Array): void {
    this.#child.writeSecret(bytes);
  }

  settle(): void {
    this.#child.settle();
  }

  adopt(slave: SlaveProcess): void {
    this.#child.adopt(slave);
  }

  close(): void {
    this.#child.close();
  }

  kill(): void {
    this.#child.kill();
  }
}
