/**
 * FrameReceiver: gets the large frames of a stream from its descriptor to where they belong, without a copy in between: into their bodies, or, when somebody
 * takes bytes without looking at them, past us altogether. Twin: stage1/python/splicing.py.
 */

import { releaseBuffer, takeBuffer } from "../io/buffer-pool.ts";
import type { Place } from "../io/duplex.ts";
import { readNow } from "../io/libc.ts";
import type { SpliceTarget } from "../io/splice-pipe.ts";
import { FLAGS, type FrameReader, HEADER_BYTES, type Message } from "../protocol/frame.ts";
import { bytesHead, encodeBytes } from "../protocol/value.ts";

/** What takes a value that is nothing but bytes. */
export interface Diversion extends SpliceTarget {
  /** So many bytes of the body went past. The rest, if that was not all, comes as a message. */
  passed(bytes: number, isAll: boolean): void;
}

export interface FrameReceiverListener {
  /** A whole message. */
  message(message: Message): void;
  /** What takes this message, whose body has begun, and goes on as it should; undefined: nothing does now. */
  divert(message: Message): Diversion | undefined;
}

/** More than stands before the bytes of any frame. */
const MAX_HEAD = 32;

/** For what is copied out of it at once. */
const scratch = new Uint8Array(1 << 15);

/** A large frame that goes past us. */
interface Passing {
  readonly to: Diversion;
  /** Of its body. */
  readonly bytes: number;
  left: number;
}

export class FrameReceiver implements Place {
  readonly #reader: FrameReader;
  readonly #listener: FrameReceiverListener;
  #header = new Uint8Array(HEADER_BYTES);
  #isBehindLarge = false;
  /** A large message was given to somebody who has yet to see it: before that, nothing can go past. */
  #isGiven = false;
  #passing: Passing | undefined;

  constructor(reader: FrameReader, listener: FrameReceiverListener) {
    this.#reader = reader;
    this.#listener = listener;
  }

  /** A chunk of the stream, as it came. @throws {ProtocolError} as `FrameReader.push` */
  push(chunk: Uint8Array): void {
    for (const message of this.#reader.push(chunk)) this.#deliver(message, false);
  }

  get isLarge(): boolean {
    return this.#reader.begun !== undefined || (this.#isBehindLarge && this.#reader.isBetween);
  }

  /** @throws {ProtocolError} as `FrameReader.push` */
  fill(from: number): number | undefined {
    if (this.#passing !== undefined) return this.#pass(from, this.#passing);
    if (this.#isGiven) {
      this.#isGiven = false;
      return undefined;
    }
    const { begun } = this.#reader;
    if (begun === undefined) return this.isLarge ? this.#fillHeader(from) : this.#fillSmall(from);
    const { message, got } = begun;
    const { body } = message;
    // What stands before bytes tells that they are nothing else; they are not read before that.
    const head = got < MAX_HEAD ? bytesHead(body.length) : undefined;
    const end = head !== undefined && got < head.length ? head.length : body.length;
    const n = readNow(from, body.subarray(got, end));
    if (n === undefined || n === 0) return n;
    const whole = this.#reader.advance(n);
    if (whole !== undefined) this.#deliver(whole, true);
    else if (this.#reader.begun === undefined) this.#isBehindLarge = true;
    else if (head !== undefined && got + n === head.length) this.#divert(message, head);
    return n;
  }

  /** What was to go past us, and has not come yet, is read after all. */
  leave(): void {
    if (this.#passing === undefined) return;
    const { to, bytes, left } = this.#passing;
    this.#passing = undefined;
    const { chunks, length } = encodeBytes({ length: left });
    const body = takeBuffer(length);
    body.set(chunks[0]);
    to.passed(bytes - length, false);
    this.#reader.replace(body, chunks[0].length);
  }

  /** Behind a large frame there mostly is another: nothing is read but its header. */
  #fillHeader(from: number): number | undefined {
    const n = readNow(from, this.#header);
    if (n === undefined || n === 0) return n;
    this.#isBehindLarge = false;
    this.push(this.#header.subarray(0, n));
    // Of a frame that is not large, it was kept.
    if (this.#reader.begun === undefined) this.#header = new Uint8Array(HEADER_BYTES);
    return n;
  }

  /** Small frames, as they come. */
  #fillSmall(from: number): number | undefined {
    const n = readNow(from, scratch);
    if (n !== undefined && n > 0) this.push(scratch.slice(0, n));
    return n;
  }

  #divert(message: Message, head: Uint8Array): void {
    const { body, flags } = message;
    const isOne = (flags & (FLAGS.MORE | FLAGS.CONT)) === 0;
    if (!isOne || !head.every((byte, at) => body[at] === byte)) return;
    const to = this.#listener.divert(message);
    if (to === undefined) return;
    this.#passing = { to, bytes: body.length, left: body.length - head.length };
    releaseBuffer(body);
  }

  #pass(from: number, passing: Passing): number | undefined {
    const { to, bytes, left } = passing;
    const n = to.fill(from, left);
    if (n === undefined || n === 0) return n;
    passing.left -= n;
    if (passing.left > 0) return n;
    this.#passing = undefined;
    this.#isBehindLarge = true;
    this.#reader.replace(undefined);
    to.passed(bytes, true);
    return n;
  }

  #deliver(message: Message, isLarge: boolean): void {
    this.#isBehindLarge = isLarge;
    this.#isGiven = isLarge;
    this.#listener.message(message);
  }
}
