/**
 * FrameReceiver: takes in the frames of a stream. Bodies of large frames are read from the
 * descriptor to where they stay, without a copy in between. Bytes for a registered `BodySink` are
 * not read at all: they are spliced from the descriptor to the sink.
 *
 * Twin: stage1/python/tier2/splice.py.
 */
import { releaseBuffer, takeBuffer } from "../io/buffer-pool.ts";
import { readNow } from "../io/libc.ts";
import type { SpliceSink } from "../io/splice-pipe.ts";
import { type Envelope, HEADER_BYTES, type Message } from "../protocol/frame.ts";
import type { FrameReader } from "../protocol/frame-reader.ts";
import { MASTER_ID } from "../protocol/handles.ts";
import { bytesHead, encodeBytes } from "../protocol/value.ts";

/** Has values that are nothing but bytes spliced. Made by an inbound channel. */
export interface BodySink extends SpliceSink {
  /** Whether the next value may be spliced; asked once for each, when its body has begun. */
  accepts(): boolean;
  /**
   * Bytes of the body were spliced.
   *
   * @param isAll whether that was the whole body; otherwise the rest of it comes as a message
   */
  spliced(bytes: number, isAll: boolean): void;
}

/** Optional ability of a link: values that come over it can be spliced to a sink. */
export interface DirectLink {
  /**
   * Has the bytes spliced to `sink` that context `src` sends to `handle`, whenever it accepts
   * them. The caller has checked that `src` may send there.
   *
   * @returns what ends that
   */
  direct(src: number, handle: number, sink: BodySink): () => void;
}

/** @returns the link's ability to send values straight to a sink; undefined if it has none */
export function directLink(link: object | undefined): DirectLink | undefined {
  return link !== undefined && "direct" in link ? (link as DirectLink) : undefined;
}

/** More than stands before the bytes of any value. */
const MAX_HEAD = 32;

/** For small frames, which are copied out of it at once. */
const scratch = new Uint8Array(1 << 15);

/** A large frame whose body is spliced. */
interface SplicedBody {
  readonly to: BodySink;
  /** Of the whole body. */
  readonly bytes: number;
  left: number;
}

export class FrameReceiver implements DirectLink {
  readonly #reader: FrameReader;
  readonly #deliver: (message: Message) => void;
  /** By `keyOf`. */
  readonly #sinks = new Map<string, BodySink>();
  #header = new Uint8Array(HEADER_BYTES);
  #isAfterLarge = false;
  /**
   * A large message was delivered, and its receiver has not run yet: until then, nothing can be
   * spliced.
   */
  #isDelivered = false;
  #spliced: SplicedBody | undefined;

  /** @param deliver is called with each whole message */
  constructor(reader: FrameReader, deliver: (message: Message) => void) {
    this.#reader = reader;
    this.#deliver = deliver;
  }

  direct(src: number, handle: number, sink: BodySink): () => void {
    const key = keyOf(src, handle);
    this.#sinks.set(key, sink);
    return () => {
      if (this.#sinks.get(key) === sink) this.#sinks.delete(key);
    };
  }

  /** A context is gone: drop the message that it has under way. */
  forget(src: number): void {
    this.#reader.forget(src);
  }

  /** A chunk of the stream. @throws {ProtocolError} as `FrameReader.push` */
  push(chunk: Uint8Array): void {
    for (const message of this.#reader.push(chunk)) this.#finish(message, false);
  }

  /** Whether a large frame is under way, or is likely to be next. */
  get isLarge(): boolean {
    return this.#reader.begun !== undefined || (this.#isAfterLarge && this.#reader.isBetween);
  }

  /**
   * Reads what is there from a descriptor that does not block.
   *
   * @returns the number of bytes; 0 at the end; undefined if no byte is there, or none can be taken
   * @throws {ProtocolError} as `FrameReader.push`
   */
  readFrom(fd: number): number | undefined {
    if (this.#spliced !== undefined) return this.#splice(fd, this.#spliced);
    if (this.#isDelivered) {
      this.#isDelivered = false;
      return undefined;
    }
    const { begun } = this.#reader;
    if (begun === undefined) return this.isLarge ? this.#readHeader(fd) : this.#readSmall(fd);
    const { message, got } = begun;
    const { body, flags } = message;
    // The head of a value says whether it is nothing but bytes. These are not read before that.
    const head = got < MAX_HEAD && flags === 0 ? bytesHead(body.length) : undefined;
    const end = head !== undefined && got < head.length ? head.length : body.length;
    const n = readNow(fd, body.subarray(got, end));
    if (n === undefined || n === 0) return n;
    const whole = this.#reader.advance(n);
    if (whole !== undefined) this.#finish(whole, true);
    else if (this.#reader.begun === undefined) this.#isAfterLarge = true;
    else if (head !== undefined && got + n === head.length) this.#startSplicedBody(message, head);
    return n;
  }

  /** Nothing is spliced any more: the rest of a body that was on its way is read as a message. */
  stopReading(): void {
    if (this.#spliced === undefined) return;
    const { to, bytes, left } = this.#spliced;
    this.#spliced = undefined;
    const { chunks, length } = encodeBytes({ length: left });
    const body = takeBuffer(length);
    body.set(chunks[0]);
    to.spliced(bytes - length, false);
    this.#reader.replace(body, chunks[0].length);
  }

  /** After a large frame there is usually another, so that only its header is read. */
  #readHeader(fd: number): number | undefined {
    const n = readNow(fd, this.#header);
    if (n === undefined || n === 0) return n;
    this.#isAfterLarge = false;
    this.push(this.#header.subarray(0, n));
    // The reader keeps the header of a frame that is not large.
    if (this.#reader.begun === undefined) this.#header = new Uint8Array(HEADER_BYTES);
    return n;
  }

  #readSmall(fd: number): number | undefined {
    const n = readNow(fd, scratch);
    if (n !== undefined && n > 0) this.push(scratch.slice(0, n));
    return n;
  }

  #startSplicedBody(message: Message, head: Uint8Array): void {
    const { body } = message;
    if (!head.every((byte, at) => body[at] === byte)) return;
    const to = this.#sinkOf(message);
    if (to?.accepts() !== true) return;
    this.#spliced = { to, bytes: body.length, left: body.length - head.length };
    releaseBuffer(body);
  }

  /** As strict as the router, which does not see this message. */
  #sinkOf({ dst, src, auth, handle, flags }: Envelope): BodySink | undefined {
    const isPlain = dst === MASTER_ID && auth === src && flags === 0;
    return isPlain ? this.#sinks.get(keyOf(src, handle)) : undefined;
  }

  #splice(fd: number, body: SplicedBody): number | undefined {
    const { to, bytes, left } = body;
    const n = to.spliceFrom(fd, left);
    if (n === undefined || n === 0) return n;
    body.left -= n;
    if (body.left > 0) return n;
    this.#spliced = undefined;
    this.#isAfterLarge = true;
    this.#reader.replace(undefined);
    to.spliced(bytes, true);
    return n;
  }

  #finish(message: Message, isLarge: boolean): void {
    this.#isAfterLarge = isLarge;
    this.#isDelivered = isLarge;
    this.#deliver(message);
  }
}

function keyOf(src: number, handle: number): string {
  return `${src}:${handle}`;
}
