/**
 * Frames: the unit that crosses a stream.
 *
 *     0        4        8        12       16       20    21       24
 *     +--------+--------+--------+--------+--------+-----+--------+========+
 *     |  dst   |  src   |  auth  | handle | reply  |flags| length |  body  |
 *     +--------+--------+--------+--------+--------+-----+--------+========+
 *
 * All integers are big-endian: five u32, u8, u24. Spec: docs/protocol.md, "Frame". Twins: stage1/python/core.py, `send` and `feed`; stage1/js/core.js, `frames` and `feed`.
 */
import { ProtocolError } from "../errors.ts";
import { takeBuffer } from "../io/buffer-pool.ts";
import type { Chunk } from "../io/splice-pipe.ts";
import { LIMITS, type Limits } from "./limits.ts";

export const HEADER_BYTES = 24;

export const FLAGS = { MORE: 1, CONT: 2, DEAD: 4, ERROR: 8, DEFLATE: 16 } as const;
const ALL_FLAGS = 31;

/** Who a message is from, for and what it answers. */
export interface Envelope {
  readonly dst: number;
  readonly src: number;
  readonly auth: number;
  readonly handle: number;
  /** Handle in the source that awaits an answer; 0 for none. */
  readonly reply: number;
  readonly flags: number;
}

export interface Message extends Envelope {
  readonly body: Uint8Array;
}

/** From here on, one more write costs less than a copy. */
const UNCOPIED_BYTES = 65536;
/** From here on, what has come of a frame is put to where it stays. */
const LARGE_BYTES = 32768;

/**
 * The frames of a message, each as the chunks that make it up, made as they are taken. Large chunks of the body are not
 * copied. `body` is a list of chunks whose concatenation is the body; one that waits in a pipe is the last, and all of it is one frame.
 *
 * @throws {ProtocolError} `ERR_PROTOCOL_MESSAGE_TOO_LARGE`, before the first frame
 */
export function encodeMessage<C extends Chunk = Uint8Array>(
  envelope: Envelope,
  body: readonly C[],
  limits: Limits = LIMITS,
): Iterable<readonly (C | Uint8Array)[]> {
  let length = 0;
  for (const chunk of body) length += chunk.length;
  if (length > limits.maxMessageBytes) {
    throw new ProtocolError(
      "ERR_PROTOCOL_MESSAGE_TOO_LARGE",
      `a message of ${length} bytes is over the limit of ${limits.maxMessageBytes}`,
    );
  }
  const { maxFrameBytes } = limits;
  const isInMemory = body.every(isRead);
  if (!isInMemory || length > Math.min(maxFrameBytes, UNCOPIED_BYTES))
    return cut(envelope, body, length, maxFrameBytes);
  // One buffer: most messages are one write.
  const frame = Buffer.allocUnsafe(HEADER_BYTES + length);
  writeHeader(frame, envelope, envelope.flags, length);
  let at = HEADER_BYTES;
  for (const chunk of body) {
    frame.set(chunk as Uint8Array, at);
    at += chunk.length;
  }
  return [[frame]];
}

function isRead(chunk: Chunk): chunk is Uint8Array {
  return chunk instanceof Uint8Array;
}

/** By bytes: a view of a new small array costs more than all of this. */
function writeHeader(to: Uint8Array, e: Envelope, flags: number, length: number): void {
  writeWord(to, 0, e.dst);
  writeWord(to, 4, e.src);
  writeWord(to, 8, e.auth);
  writeWord(to, 12, e.handle);
  writeWord(to, 16, e.reply);
  writeWord(to, 20, (flags << 24) | length);
}

function writeWord(to: Uint8Array, at: number, word: number): void {
  to[at] = word >>> 24;
  to[at + 1] = word >>> 16;
  to[at + 2] = word >>> 8;
  to[at + 3] = word;
}

function* cut<C extends Chunk>(
  envelope: Envelope,
  body: readonly C[],
  length: number,
  maxFrameBytes: number,
): Generator<readonly (C | Uint8Array)[]> {
  let cont = 0;
  let index = 0;
  let offset = 0;
  for (let left = length; left > 0; ) {
    const size = Math.min(left, maxFrameBytes);
    left -= size;
    const head = new Uint8Array(HEADER_BYTES);
    writeHeader(head, envelope, envelope.flags | cont | (left > 0 ? FLAGS.MORE : 0), size);
    cont = FLAGS.CONT;
    const frame: (C | Uint8Array)[] = [head];
    for (let want = size; want > 0; ) {
      const chunk = body[index] as C;
      const part = isRead(chunk) ? chunk.subarray(offset, offset + want) : chunk;
      frame.push(part);
      want -= part.length;
      offset += part.length;
      if (offset === chunk.length) {
        index++;
        offset = 0;
      }
    }
    yield frame;
  }
}

/** Sources behind one stream that may have a message under way. */
const MAX_PARTIALS = 64;

/** A message that has begun and not ended: its first envelope, the bodies so far. */
interface Partial {
  readonly envelope: Envelope;
  readonly bodies: Uint8Array[];
  length: number;
}

/** A frame whose body has begun and not ended: what has come of it lies where it stays. */
interface Begun {
  readonly message: Message;
  readonly got: number;
}

/**
 * Cuts a byte stream into messages. Chunk borders carry no meaning.
 *
 * Invariant: between calls, `#pending` and `#begun` hold less than one whole frame; what one source has under way is below `maxMessageBytes`, and there
 * is at most one such source for each of the few contexts behind a stream (`MAX_PARTIALS` at most).
 */
export class FrameReader {
  readonly #limits: Limits;
  readonly #partials = new Map<number, Partial>();
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #begun: Begun | undefined;
  /** Bytes of the frame under way, header included, once its header is known. */
  #needed = HEADER_BYTES;

  constructor(limits: Limits = LIMITS) {
    this.#limits = limits;
  }

  /** A large frame that has begun: its rest belongs into its body, behind what has come. Whoever puts it there says so by `advance`. */
  get begun(): Begun | undefined {
    return this.#begun;
  }

  /** Whether the next byte is the first of a header. */
  get isBetween(): boolean {
    return this.#begun === undefined && this.#pendingBytes === 0;
  }

  /** So much more of the large frame is in its body. @returns the message, if it is whole now */
  advance(bytes: number): Message | undefined {
    const { message, got } = this.#begun as Begun;
    if (got + bytes < message.body.length) {
      this.#begun = { message, got: got + bytes };
      return undefined;
    }
    this.#begun = undefined;
    return this.#whole(message);
  }

  /** The large frame has another body now, of which so much has come; or its rest went elsewhere, and there is none. */
  replace(body: Uint8Array | undefined, got = 0): void {
    const { message } = this.#begun as Begun;
    this.#begun = body === undefined ? undefined : { message: { ...message, body }, got };
  }

  /** @throws {ProtocolError} `ERR_PROTOCOL_FRAME`, `ERR_PROTOCOL_MESSAGE_TOO_LARGE`; the reader must not be used again. */
  *push(chunk: Uint8Array): Generator<Message> {
    let data = chunk;
    if (this.#begun !== undefined) {
      const { message, got } = this.#begun;
      const part = chunk.subarray(0, message.body.length - got);
      message.body.set(part, got);
      const whole = this.advance(part.length);
      if (whole !== undefined) yield whole;
      if (this.#begun !== undefined) return;
      data = chunk.subarray(part.length);
    } else if (this.#pendingBytes > 0) {
      this.#pending.push(chunk);
      this.#pendingBytes += chunk.length;
      if (this.#pendingBytes < this.#needed) return;
      data = concat(this.#pending, this.#pendingBytes);
      this.#pending = [];
      this.#pendingBytes = 0;
    }
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    let at = 0;
    for (;;) {
      this.#needed = HEADER_BYTES;
      if (data.length - at < HEADER_BYTES) break;
      const word = view.getUint32(at + 20);
      const flags = word >>> 24;
      const length = word & 0xffffff;
      if (flags > ALL_FLAGS || length > this.#limits.maxFrameBytes) {
        throw new ProtocolError(
          "ERR_PROTOCOL_FRAME",
          `not a frame: flags ${flags}, length ${length}`,
        );
      }
      this.#needed = HEADER_BYTES + length;
      if (data.length - at < this.#needed) break;
      const body = data.subarray(at + HEADER_BYTES, at + this.#needed);
      const whole = this.#whole(readMessage(view, at, body));
      at += this.#needed;
      if (whole !== undefined) yield whole;
    }
    if (data.length - at >= HEADER_BYTES && this.#needed > LARGE_BYTES) {
      const message = readMessage(view, at, takeBuffer(this.#needed - HEADER_BYTES));
      const part = data.subarray(at + HEADER_BYTES);
      message.body.set(part);
      this.#begun = { message, got: part.length };
      return;
    }
    if (at < data.length) {
      // A copy of the little that is left, so that a large chunk is not kept alive by it.
      const rest = at === 0 ? data : data.slice(at);
      this.#pending = [rest];
      this.#pendingBytes = rest.length;
    }
  }

  #whole(part: Message): Message | undefined {
    return part.flags & (FLAGS.MORE | FLAGS.CONT) ? this.#assemble(part) : part;
  }

  /** @param part of a message of several frames; the message, if that was the last */
  #assemble(part: Message): Message | undefined {
    const { body, ...envelope } = part;
    const kind = part.flags & (FLAGS.MORE | FLAGS.CONT);
    if (kind & FLAGS.MORE && body.length < this.#limits.maxFrameBytes) {
      // Or crumbs without end would take much memory and little of the limit.
      throw new ProtocolError("ERR_PROTOCOL_FRAME", "a frame that is not the last is not full");
    }
    const partial = this.#partials.get(envelope.src);
    if (kind === FLAGS.MORE) {
      if (partial !== undefined || this.#partials.size >= MAX_PARTIALS) {
        throw new ProtocolError("ERR_PROTOCOL_FRAME", "a message began before the last had ended");
      }
      this.#partials.set(envelope.src, { envelope, bodies: [body], length: body.length });
      return undefined;
    }
    if (partial === undefined) {
      throw new ProtocolError("ERR_PROTOCOL_FRAME", "a frame continues no message");
    }
    partial.length += body.length;
    if (partial.length > this.#limits.maxMessageBytes) {
      throw new ProtocolError(
        "ERR_PROTOCOL_MESSAGE_TOO_LARGE",
        `a message is over the limit of ${this.#limits.maxMessageBytes} bytes`,
      );
    }
    partial.bodies.push(body);
    if (kind & FLAGS.MORE) return undefined;
    this.#partials.delete(envelope.src);
    return {
      ...partial.envelope,
      flags: envelope.flags & ~3,
      body: concat(partial.bodies, partial.length),
    };
  }
}

function readMessage(view: DataView, at: number, body: Uint8Array): Message {
  return {
    dst: view.getUint32(at),
    src: view.getUint32(at + 4),
    auth: view.getUint32(at + 8),
    handle: view.getUint32(at + 12),
    reply: view.getUint32(at + 16),
    flags: view.getUint32(at + 20) >>> 24,
    body,
  };
}

function concat(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
