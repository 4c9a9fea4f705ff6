/** A duplex byte pipe to a child, whatever carries it. Leaf: imports nothing. */
export interface Pipe {
  /** Queue bytes; false when the writer should wait for `drained`. The chunk must not change afterwards. */
  write(chunk: Uint8Array): boolean;
  /** Set once, by the reader, before the first turn of the event loop after the pipe was made. */
  listen(listener: PipeListener): void;
  /** Close both directions at once. Idempotent; `closed` follows. */
  close(): void;
}

export interface PipeListener {
  data(chunk: Uint8Array): void;
  drained(): void;
  /** Called once; nothing follows. */
  closed(): void;
}
