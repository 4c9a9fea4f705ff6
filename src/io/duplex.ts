/** A duplex stream of bytes to a child, whatever carries the bytes. */
import type { Chunk } from "./splice-pipe.ts";

export interface Duplex {
  /**
   * Queues bytes, which must not change afterwards.
   *
   * @returns false if the writer should wait for `drained`
   */
  write(chunk: Chunk): boolean;
  /**
   * Gives all that comes to this listener from now on, instead of to the one before. The first
   * listener is set before the first turn of the event loop after the duplex was made.
   */
  listen(listener: DuplexListener): void;
  /** Closes both directions at once. Idempotent; `closed` follows. */
  close(): void;
}

export interface DuplexListener {
  data(chunk: Uint8Array): void;
  drained(): void;
  /** Called once; nothing follows. */
  closed(): void;
}

/**
 * Optional ability of a listener: it reads bytes from the duplex's descriptor itself, to where they
 * belong, so that they are not copied. What it does not read is given to its `data`.
 */
export interface DirectReader {
  /** Whether a large frame is under way, so that reading it directly saves a copy. */
  readonly isLarge: boolean;
  /**
   * Reads what is there from a descriptor that does not block.
   *
   * @returns the number of bytes; 0 at the end; undefined if no byte is there, or none can be taken
   */
  readFrom(fd: number): number | undefined;
  /** The event loop reads the descriptor again: what comes next is given to `data`. */
  stopReading(): void;
}

/** @returns the listener's ability to read directly; undefined if it has none */
export function directReader(listener: DuplexListener | undefined): DirectReader | undefined {
  const isReader = listener !== undefined && "readFrom" in listener;
  return isReader ? (listener as DuplexListener & DirectReader) : undefined;
}
