/**
 * The two ends that we hold of a child's standard input and output: sockets, read and written without Node.js' streams, which cost a call a fifth of its
 * time. What one writes beyond what the system takes is kept here, not copied.
 */

/** Writes, in order; what is written when nobody reads any more is lost without a word: the end of the output tells. */
export class WritingEnd {
  #socket: Bun.Socket | undefined;
  /** What the socket does not take yet. */
  #rest: Uint8Array[] = [];
  #isClosed = false;

  /** @param drained is called when all was taken that `write` said of that it was too much */
  constructor(fd: number, drained: () => void) {
    const flush = (socket: Bun.Socket): void => {
      if (this.#rest.length > 0 && this.#flush(socket)) drained();
    };
    const closed = (): void => {
      this.#isClosed = true;
      this.#rest = [];
    };
    const open = (socket: Bun.Socket): void => {
      this.#socket = socket;
      if (this.#isClosed) socket.terminate();
      else flush(socket);
    };
    // The other way of it is never used; a handler there has to be.
    const socket = { open, drain: flush, data: () => {}, close: closed, error: closed };
    Bun.connect({ fd, socket } as unknown as Bun.UnixSocketOptions).catch(closed);
  }

  /** @returns whether all of it was taken */
  write(chunk: Uint8Array): boolean {
    if (this.#isClosed) return true;
    this.#rest.push(chunk);
    return this.#rest.length === 1 && this.#socket !== undefined && this.#flush(this.#socket);
  }

  close(): void {
    this.#isClosed = true;
    this.#rest = [];
    this.#socket?.terminate();
  }

  #flush(socket: Bun.Socket): boolean {
    while (this.#rest.length > 0) {
      const chunk = this.#rest[0] as Uint8Array;
      const written = socket.write(chunk);
      if (written < 0) this.#rest = [];
      else if (written === chunk.length) this.#rest.shift();
      else {
        this.#rest[0] = chunk.subarray(written);
        return false;
      }
    }
    return true;
  }
}

/** Reads until the end. */
export class ReadingEnd {
  #socket: Bun.Socket | undefined;
  #isClosed = false;

  /** @param closed is called once: nothing follows */
  constructor(fd: number, read: (chunk: Uint8Array) => void, closed: () => void) {
    const data = (_socket: Bun.Socket, chunk: Uint8Array): void => {
      if (!this.#isClosed) read(chunk);
    };
    const open = (socket: Bun.Socket): void => {
      this.#socket = socket;
      if (this.#isClosed) socket.terminate();
    };
    const socket = { open, data, drain: () => {}, close: closed, error: () => {} };
    Bun.connect({ fd, socket } as unknown as Bun.UnixSocketOptions).catch(closed);
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.terminate();
  }
}
