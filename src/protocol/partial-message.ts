/**
 * PartialMessage: a message of several frames that is not complete. Its parts are put where the
 * body stays, so that fresh memory, which is dear, is used once.
 *
 * Twin: stage1/python/tier2/large_messages.py.
 */
import type { Envelope } from "./frame.ts";

/** Memory grows to so many times of what has come, if the body says that it is as large as that. */
const STATED_GROWTH = 16;
/** And if it says nothing. Memory that is never written to is none of the machine's. */
const GROWTH = 4;
/** Members that name raw bytes of a body. In a string of JSON, the quotes would be escaped. */
const RAW_BYTES = /\{"!b":\[(\d{1,10}),(\d{1,10})\]\}/g;

export class PartialMessage {
  /** Of its first frame. */
  readonly envelope: Envelope;
  readonly #most: number;
  /** Bytes that the body will have, as far as its beginning tells. The sender is not trusted. */
  readonly #expected: number;
  #memory: Uint8Array;
  #length: number;

  /** @param most bytes that the body may have */
  constructor(envelope: Envelope, first: Uint8Array, most: number) {
    this.envelope = envelope;
    this.#most = most;
    this.#expected = expectedBytes(first);
    this.#memory = first;
    this.#length = first.length;
  }

  /** Bytes that have come. */
  get length(): number {
    return this.#length;
  }

  /** @returns memory for the next part, which is added later; undefined if that is too large */
  room(bytes: number): Uint8Array | undefined {
    const end = this.#length + bytes;
    if (end > this.#most) return undefined;
    if (end > this.#memory.length) this.#grow(end);
    return this.#memory.subarray(this.#length, end);
  }

  /** Adds a part, which may be in the memory that `room` gave. The caller has checked its size. */
  add(part: Uint8Array): void {
    const room = this.room(part.length) as Uint8Array;
    if (part.buffer !== room.buffer || part.byteOffset !== room.byteOffset) room.set(part);
    this.#length += part.length;
  }

  get body(): Uint8Array {
    return this.#memory.subarray(0, this.#length);
  }

  #grow(end: number): void {
    const wanted = Math.min(this.#expected, end * STATED_GROWTH);
    const size = wanted >= end ? wanted : end * GROWTH;
    const memory = new Uint8Array(Math.min(size, this.#most));
    memory.set(this.body);
    this.#memory = memory;
  }
}

/** @returns how large the first part of a body says that the body is; 0 if it does not */
function expectedBytes(first: Uint8Array): number {
  if (first[0] !== 0 || first.length < 5) return 0;
  const end = 5 + new DataView(first.buffer, first.byteOffset, 5).getUint32(1);
  if (end > first.length) return 0;
  const text = Buffer.from(first.buffer, first.byteOffset + 5, end - 5).toString("latin1");
  let parts = 0;
  for (const [, offset, length] of text.matchAll(RAW_BYTES)) {
    parts = Math.max(parts, Number(offset) + Number(length));
  }
  return parts === 0 ? 0 : end + parts;
}
