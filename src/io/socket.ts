/**
 * Our ends of a child's standard input and output: sockets, read and written without Node.js'
 * streams, which would cost a call a fifth of its time. Bytes that the system does not take yet
 * are kept here, not copied.
 */
import { busyPoller, type Source } from "./busy-poll.ts";
import { type DuplexListener, directReader } from "./duplex.ts";
import { hasCalls } from "./libc.ts";
import { type Chunk, PipedBytes } from "./splice-pipe.ts";

/** A socket is polled when so many bytes came within so many milliseconds. */
const BUSY_BYTES = 1 << 16;
const BUSY_MS = 10;
/**
 * Bytes that are written normally after a splice found the socket full, so that Bun says when there
 * is room.
 */
const PROBE_BYTES = 4096;

/**
 * Writes in order. Bytes that the child does not read any more are dropped: the end of its output
 * tells.
 */
export class SocketWriter {
  readonly #fd: number;
  #socket: Bun.Socket | undefined;
  /** Chunks that the socket does not take yet. */
  #rest: Chunk[] = [];
  #isClosed = false;

  /** @param drained is called when all was taken, after a `write` that returned false */
  constructor(fd: number, drained: () => void) {
    this.#fd = fd;
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
    // Nothing comes this way, but Bun requires a handler.
    const socket = { open, drain: flush, data: () => {}, close: closed, error: closed };
    Bun.connect({ fd, socket } as unknown as Bun.UnixSocketOptions).catch(closed);
  }

  /** @returns whether all of the chunk was taken */
  write(chunk: Chunk): boolean {
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
      const chunk = this.#rest[0] as Chunk;
      if (chunk instanceof PipedBytes) {
        chunk.spliceTo(this.#fd);
        // Bun calls `drain` only after one of its own writes found the socket full.
        this.#rest.splice(0, 1, ...(chunk.left === 0 ? [] : [chunk.read(PROBE_BYTES), chunk]));
        continue;
      }
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

/** Reads until the end, by the event loop or, while much comes, by the busy poller. */
export class SocketReader {
  readonly #source: Source;
  #socket: Bun.Socket | undefined;
  #isClosed = false;
  /** Bytes that have come since `#since`, a time of `performance.now`. */
  #recent = 0;
  #since = 0;

  /**
   * @param listener returns the listener of the moment, which is given all that comes
   * @param closed is called once: nothing follows
   */
  constructor(fd: number, listener: () => DuplexListener | undefined, closed: () => void) {
    const reader = () => directReader(listener());
    this.#source = {
      fd,
      get isBusy() {
        return reader() !== undefined;
      },
      read: () => (this.#isClosed ? undefined : reader()?.readFrom(fd)),
      idle: () => {
        if (this.#isClosed) return;
        reader()?.stopReading();
        this.#socket?.resume();
      },
    };
    const close = (): void => {
      busyPoller.delete(this.#source);
      closed();
    };
    const data = (_socket: Bun.Socket, chunk: Uint8Array): void => {
      if (this.#isClosed) return;
      listener()?.data(chunk);
      if (this.#isMuch(chunk.length) && reader()?.isLarge && hasCalls()) this.#startPolling();
    };
    const open = (socket: Bun.Socket): void => {
      this.#socket = socket;
      if (this.#isClosed) socket.terminate();
    };
    // Bytes may be missing now: frames could not be told apart any more.
    const error = (socket: Bun.Socket): void => {
      socket.terminate();
    };
    const socket = { open, data, drain: () => {}, close, error };
    Bun.connect({ fd, socket } as unknown as Bun.UnixSocketOptions).catch(close);
  }

  close(): void {
    this.#isClosed = true;
    busyPoller.delete(this.#source);
    this.#socket?.terminate();
  }

  #isMuch(bytes: number): boolean {
    const now = performance.now();
    if (now - this.#since > BUSY_MS) {
      this.#since = now;
      this.#recent = 0;
    }
    this.#recent += bytes;
    return this.#recent >= BUSY_BYTES;
  }

  #startPolling(): void {
    if (this.#isClosed) return;
    this.#socket?.pause();
    busyPoller.add(this.#source);
  }
}
