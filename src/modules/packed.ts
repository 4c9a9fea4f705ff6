/**
 * Texts that are compressed once and sent often: a zlib stream is put together from pieces that were deflated each by itself. Knows no module.
 *
 * RFC 1950 and 1951: a piece ends on a byte, by a sync flush, so that pieces follow one another; the check sum of all is computed from theirs.
 */
import { constants, deflateRawSync, inflateSync } from "node:zlib";

export interface Packed {
  /** Raw deflate, without a last block. */
  readonly bytes: Uint8Array;
  /** Of what was compressed: bytes, and Adler-32. */
  readonly length: number;
  readonly adler: number;
}

const HEADER = Uint8Array.of(0x78, 0x9c);
/** A last block with nothing in it. */
const END = Uint8Array.of(3, 0);
const BASE = 65521;

export function pack(text: string | Uint8Array): Packed {
  const plain = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const bytes = deflateRawSync(plain, { level: 6, finishFlush: constants.Z_SYNC_FLUSH });
  return { bytes, length: plain.length, adler: Bun.hash.adler32(plain) };
}

/** The text of one. */
export function unpack(piece: Packed): string {
  return new TextDecoder().decode(inflateSync(join([piece])));
}

/** One zlib stream. */
export function join(pieces: readonly Packed[]): Uint8Array {
  const sum = new Uint8Array(4);
  const adler = pieces.reduce((all, { adler, length }) => combined(all, adler, length), 1);
  new DataView(sum.buffer).setUint32(0, adler);
  return Buffer.concat([HEADER, ...pieces.map(({ bytes }) => bytes), END, sum]);
}

/** Adler-32 of two texts behind one another, as zlib's adler32_combine. */
function combined(first: number, second: number, secondLength: number): number {
  const rest = secondLength % BASE;
  const low = first & 0xffff;
  const sum = low + (second & 0xffff) + BASE - 1;
  const high = ((rest * low) % BASE) + (first >>> 16) + (second >>> 16) + BASE - rest;
  return (((high % BASE) << 16) | (sum % BASE)) >>> 0;
}

/** A text of which some parts are compressed already. */
export class PackedText {
  readonly #parts: readonly (string | Packed)[];

  constructor(parts: readonly (string | Packed)[]) {
    this.#parts = parts;
  }

  deflated(): Uint8Array {
    return join(this.#parts.map((part) => (typeof part === "string" ? pack(part) : part)));
  }

  text(): string {
    return this.#parts.map((part) => (typeof part === "string" ? part : unpack(part))).join("");
  }
}
