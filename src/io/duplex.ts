/** A duplex byte pipe to a child, whatever carries it. */
import type { Chunk } from "./splice-pipe.ts";

export interface Duplex {
  /** Queue bytes; false when the writer should wait for `drained`. The chunk must not change afterwards. */
  write(chunk: Chunk): boolean;
  /** Set once, by the reader, before the first turn of the event loop after the pipe was made. */
  listen(listener: DuplexListener): void;
  /** Close both directions at once. Idempotent; `closed` follows. */
  close(): void;
}

export interface DuplexListener {
  data(chunk: Uint8Array): void;
  /** What can be asked to get the next bytes itself, instead of a call of `data`; undefined: nothing, any more. */
  place?(): Place | undefined;
  drained(): void;
  /** Called once; nothing follows. */
  closed(): void;
}

/** Where bytes belong that come next. */
export interface Place {
  /** Whether something large is under way, so that it should be asked. */
  readonly isLarge: boolean;
  /**
   * Get them from a descriptor that does not block, as far as they are there.
   *
   * @returns how many; 0 at its end; undefined: now there are none, or they cannot be taken now
   */
  fill(from: number): number | undefined;
  /** It is not asked any more for a while: what comes next is given to `data`. */
  leave(): void;
}
