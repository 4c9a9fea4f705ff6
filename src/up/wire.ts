/**
 * Wire: frames over a unix socket, between a command and the process that keeps connections. A
 * frame is the length of its payload (u32), its type (u8), and the payload. Knows nothing of what
 * frames mean, but has the list of their types.
 */

/** Types of frames. Those of versions to come must keep `hello` and `refuse`. */
export const FRAME = {
  // From the command.
  hello: 1,
  data: 2,
  end: 3,
  written: 4,
  failed: 5,
  signal: 6,
  size: 7,
  answer: 8,
  // To the command.
  refuse: 21,
  accept: 22,
  stdout: 23,
  stderr: 24,
  read: 25,
  raw: 26,
  stop: 27,
  die: 28,
  exit: 29,
  done: 30,
  ask: 31,
  notice: 32,
  withdraw: 33,
} as const;

const HEAD = 5;
/** Milliseconds that a frame waits for another one, at most. */
const SOON_MS = 10;
/** A peer that sends a longer frame is not one of ours. */
const MAX_FRAME = 1 << 26;

export interface WireListener {
  frame(type: number, payload: Uint8Array): void;
  /** Nothing comes any more, and nothing can be sent. Called once. */
  closed(): void;
}

type Socket = Bun.Socket<Wire>;

export interface Frame {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** Cuts a stream of bytes into frames. */
export class WireReader {
  /** What came of frames that were not taken. */
  #held: Uint8Array = new Uint8Array();

  /** @param bytes are the reader's from now on */
  push(bytes: Uint8Array): void {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
  }

  /** The type of the next frame; undefined: it is not complete. */
  peek(): number | undefined {
    return this.#held.length < HEAD + this.#length ? undefined : this.#held[HEAD - 1];
  }

  /**
   * @returns the next frame; undefined: it is not complete
   * @throws the peer is not one of ours
   */
  next(): Frame | undefined {
    if (this.#length > MAX_FRAME) throw new Error(`a frame of ${this.#length} bytes`);
    const type = this.peek();
    if (type === undefined) return undefined;
    const end = HEAD + this.#length;
    const payload = this.#held.subarray(HEAD, end);
    this.#held = this.#held.subarray(end);
    return { type, payload };
  }

  /** Of the payload of the next frame; 0 while it is not known. */
  get #length(): number {
    return this.#held.length < HEAD ? 0 : lengthOf(this.#held);
  }
}

export class Wire {
  readonly #socket: Socket;
  #listener: WireListener | undefined;
  #isClosed = false;
  #isEnding = false;
  #isScheduled = false;
  /** Sends what may wait, if nothing else is sent. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What the socket does not take yet. */
  #rest: Uint8Array[] = [];
  readonly #reader: WireReader;

  /** @param reader may hold what came before */
  constructor(socket: Socket, reader = new WireReader()) {
    this.#socket = socket;
    this.#reader = reader;
    socket.data = this;
  }

  /** Handlers for Bun.listen and Bun.connect. @param opened gets each wire */
  static handlers(
    opened: (wire: Wire, fd: number) => void,
    reader?: WireReader,
  ): Bun.SocketHandler<Wire> {
    return {
      open: (socket) => opened(new Wire(socket, reader), (socket as unknown as { fd: number }).fd),
      data: ({ data: wire }, bytes) => wire.#read(bytes),
      drain: ({ data: wire }) => wire.#flush(),
      close: ({ data: wire }) => wire.#close(),
      end: ({ data: wire }) => wire.#close(),
      error: ({ data: wire }) => wire.#close(),
    };
  }

  /** @param listener gets what its reader holds already, too */
  listen(listener: WireListener): void {
    this.#listener = listener;
    this.#deliver();
  }

  send(type: number, payload: Uint8Array | string = ""): void {
    if (!this.#add(type, payload) || this.#isScheduled) return;
    this.#isScheduled = true;
    // Frames of one turn of the event loop are one write: all promises have their turn first.
    process.nextTick(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  /** Sends a frame with the next one, or after some milliseconds. */
  sendSoon(type: number, payload: Uint8Array | string = ""): void {
    if (!this.#add(type, payload)) return;
    this.#timer ??= setTimeout(() => this.#flush(), SOON_MS);
  }

  /** @returns whether it will be sent */
  #add(type: number, payload: Uint8Array | string): boolean {
    if (this.#isClosed) return false;
    this.#rest.push(frameOf(type, payload));
    return true;
  }

  /** Closes it when all that was sent is written. */
  end(): void {
    this.#isEnding = true;
    // Now, because this process may end in the same turn.
    this.#flush();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#rest.length > 1) this.#rest = joined(this.#rest);
    for (let frame = this.#rest[0]; frame !== undefined; frame = this.#rest[0]) {
      const written = this.#socket.write(frame);
      if (written < 0) return;
      if (written < frame.length) {
        this.#rest[0] = frame.subarray(written);
        return;
      }
      this.#rest.shift();
    }
    if (this.#isEnding) this.#socket.end();
  }

  #read(bytes: Uint8Array): void {
    // The buffer is Bun's own. `slice` of a Buffer would share its memory.
    this.#reader.push(new Uint8Array(bytes));
    this.#deliver();
  }

  #deliver(): void {
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) {
      this.#listener?.frame(frame.type, frame.payload);
    }
  }

  #next(): Frame | undefined {
    try {
      return this.#reader.next();
    } catch {
      this.#socket.terminate();
      return undefined;
    }
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#rest = [];
    this.#socket.terminate();
    this.#listener?.closed();
  }
}

const encoder = new TextEncoder();

/** By hand: the first use of a DataView takes a short-lived client ten microseconds. */
export function frameOf(type: number, text: Uint8Array | string): Uint8Array {
  const payload = typeof text === "string" ? encoder.encode(text) : text;
  const { length } = payload;
  const frame = new Uint8Array(HEAD + length);
  for (let at = 0; at < HEAD - 1; at += 1) frame[at] = length >> (8 * at);
  frame[HEAD - 1] = type;
  frame.set(payload, HEAD);
  return frame;
}

/** @returns the length of the payload of the frame that begins here */
function lengthOf(frame: Uint8Array): number {
  let length = 0;
  for (let at = 0; at < HEAD - 1; at += 1) length |= (frame[at] as number) << (8 * at);
  return length >>> 0;
}

/** Bytes of frames that are written by themselves: copying them would cost more. */
const LARGE = 16_384;

/** Joins small frames that follow one another. */
function joined(frames: readonly Uint8Array[]): Uint8Array[] {
  const found: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  const join = (): void => {
    if (small.length > 0) found.push(Buffer.concat(small));
    small = [];
  };
  for (const frame of frames) {
    if (frame.length < LARGE) small.push(frame);
    else {
      join();
      found.push(frame);
    }
  }
  join();
  return found;
}

/** @returns the text of a payload */
export function textOf(payload: Uint8Array): string {
  return new TextDecoder().decode(payload);
}
