/**
 * FrameReader: cuts a byte stream into messages. Chunk borders carry no meaning.
 *
 * Spec: docs/protocol.md, "Frame". Twins: `feed` in stage1/python/core/stream.py and in
 * stage1/javascript/core.
 */
import { ProtocolError } from "../errors.ts";
import { ALL_FLAGS, FLAGS, HEADER_BYTES, type Message } from "./frame.ts";
import { LIMITS, type Limits } from "./limits.ts";
import { PartialMessage } from "./partial-message.ts";

type Allocate = (bytes: number) => Uint8Array;

/** From this size on, the body of a frame is put where it stays while it comes. */
const LARGE_BYTES = 32768;
/** What a reader needs to know of the contexts behind its stream. */
export interface Sources {
  /**
   * Whether messages of this context come over this stream: the reader keeps frames of no other.
   */
  isBehind(src: number): boolean;
  /** The frames of a context that is behind the stream make no message. They are dropped. */
  fault(src: number, error: ProtocolError): void;
}

/** One source, whose faults are faults of the stream. */
const ANY_SOURCE: Sources = {
  isBehind: () => true,
  fault: (_src, error) => {
    throw error;
  },
};

/** A large frame that is not complete: `got` bytes of the message's body have come. */
interface Begun {
  readonly message: Message;
  readonly got: number;
}

/**
 * Invariant: between calls, `#pending` and `#begun` hold less than one whole frame. What one source
 * has under way is below `maxMessageBytes`, and every source is a context behind the stream.
 */
export class FrameReader {
  readonly #limits: Limits;
  readonly #allocate: Allocate;
  readonly #sources: Sources;
  readonly #partials = new Map<number, PartialMessage>();
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #begun: Begun | undefined;
  /** Bytes of the frame under way; as many as its header until that has come. */
  #needed = HEADER_BYTES;

  /** @param allocate gives memory for the body of a large frame; its content may be anything */
  constructor(
    limits: Limits = LIMITS,
    allocate: Allocate = (bytes) => new Uint8Array(bytes),
    sources: Sources = ANY_SOURCE,
  ) {
    this.#limits = limits;
    this.#allocate = allocate;
    this.#sources = sources;
  }

  /** A context is gone: drop the message that it has under way. */
  forget(src: number): void {
    this.#partials.delete(src);
  }

  /**
   * A large frame that is not complete. Its caller may put the next bytes into the body itself,
   * after those that have come, and says so with `advance`.
   */
  get begun(): Begun | undefined {
    return this.#begun;
  }

  /** Whether the next byte is the first of a header. */
  get isBetween(): boolean {
    return this.#begun === undefined && this.#pendingBytes === 0;
  }

  /** `bytes` more are in the body of the large frame. @returns the message, if that completes it */
  advance(bytes: number): Message | undefined {
    const { message, got } = this.#begun as Begun;
    if (got + bytes < message.body.length) {
      this.#begun = { message, got: got + bytes };
      return undefined;
    }
    this.#begun = undefined;
    return this.#complete(message);
  }

  /**
   * The large frame has another body, of which `got` bytes have come; undefined: its body went
   * elsewhere.
   */
  replace(body: Uint8Array | undefined, got = 0): void {
    const { message } = this.#begun as Begun;
    this.#begun = body === undefined ? undefined : { message: { ...message, body }, got };
  }

  /**
   * Takes the next bytes. A chunk may be kept, and messages are views of it.
   *
   * @throws {ProtocolError} `ERR_PROTOCOL_FRAME`, `ERR_PROTOCOL_MESSAGE_TOO_LARGE`; the reader must
   * not be used again
   */
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
    while (this.#isWhole(view, at)) {
      const body = data.subarray(at + HEADER_BYTES, at + this.#needed);
      const whole = this.#complete(readMessage(view, at, body));
      at += this.#needed;
      if (whole !== undefined) yield whole;
    }
    this.#keep(data, view, at);
  }

  /** Whether a whole frame begins at `at`. Sets how many bytes it needs. */
  #isWhole(view: DataView, at: number): boolean {
    const left = view.byteLength - at;
    this.#needed = HEADER_BYTES;
    if (left < HEADER_BYTES) return false;
    const word = view.getUint32(at + 20);
    const flags = word >>> 24;
    const length = word & 0xffffff;
    if (flags > ALL_FLAGS || length > this.#limits.maxFrameBytes) {
      const what = `not a frame: flags ${flags}, length ${length}`;
      throw new ProtocolError("ERR_PROTOCOL_FRAME", what);
    }
    this.#needed = HEADER_BYTES + length;
    return left >= this.#needed;
  }

  /** The rest of a chunk, from `at` on, is the beginning of a frame. */
  #keep(data: Uint8Array, view: DataView, at: number): void {
    const left = data.length - at;
    if (left >= HEADER_BYTES && this.#needed > LARGE_BYTES) {
      const message = readMessage(view, at, this.#memoryFor(view, at));
      const part = data.subarray(at + HEADER_BYTES);
      message.body.set(part);
      this.#begun = { message, got: part.length };
    } else if (left > 0) {
      // A copy of the few bytes, so that they do not keep a large chunk alive.
      const rest = at === 0 ? data : data.slice(at);
      this.#pending = [rest];
      this.#pendingBytes = rest.length;
    }
  }

  /** @returns memory for the body of the frame at `at`: in its message, if that has begun */
  #memoryFor(view: DataView, at: number): Uint8Array {
    const bytes = this.#needed - HEADER_BYTES;
    const isPart = ((view.getUint32(at + 20) >>> 24) & FLAGS.CONT) !== 0;
    const partial = isPart ? this.#partials.get(view.getUint32(at + 4)) : undefined;
    return partial?.room(bytes) ?? this.#allocate(bytes);
  }

  /**
   * @returns a message that is complete. A frame of a context that is not behind the stream is
   *   returned as it is, for the router to refuse.
   */
  #complete(frame: Message): Message | undefined {
    const isWhole = (frame.flags & (FLAGS.MORE | FLAGS.CONT)) === 0;
    if (isWhole || !this.#sources.isBehind(frame.src)) return frame;
    try {
      return this.#assemble(frame);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#partials.delete(frame.src);
      this.#sources.fault(frame.src, error);
      return undefined;
    }
  }

  /** Adds a frame to its message. @returns the message, if that was its last frame */
  #assemble(frame: Message): Message | undefined {
    const { body, ...envelope } = frame;
    const kind = frame.flags & (FLAGS.MORE | FLAGS.CONT);
    if (kind & FLAGS.MORE && body.length < this.#limits.maxFrameBytes) {
      // Many tiny frames would take much memory, and little of the limit.
      throw new ProtocolError("ERR_PROTOCOL_FRAME", "a frame that is not the last is not full");
    }
    const partial = this.#partials.get(envelope.src);
    if (kind === FLAGS.MORE) {
      if (partial !== undefined) {
        throw new ProtocolError("ERR_PROTOCOL_FRAME", "a message began before the last had ended");
      }
      const begun = new PartialMessage(envelope, body, this.#limits.maxMessageBytes);
      this.#partials.set(envelope.src, begun);
      return undefined;
    }
    if (partial === undefined) {
      throw new ProtocolError("ERR_PROTOCOL_FRAME", "a frame continues no message");
    }
    if (partial.length + body.length > this.#limits.maxMessageBytes) {
      throw new ProtocolError(
        "ERR_PROTOCOL_MESSAGE_TOO_LARGE",
        `a message is over the limit of ${this.#limits.maxMessageBytes} bytes`,
      );
    }
    partial.add(body);
    if (kind & FLAGS.MORE) return undefined;
    this.#partials.delete(envelope.src);
    return {
      ...partial.envelope,
      flags: envelope.flags & ~(FLAGS.MORE | FLAGS.CONT),
      body: partial.body,
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
