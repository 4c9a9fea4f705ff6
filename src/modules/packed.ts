/**
 * Texts that are compressed once and sent often: a zlib stream is put together from pieces, each of which was deflated by itself. Knows no
 * module. Packages that become real files (`--unpack`) are the business of unpack-list.ts.
 *
 * RFC 1950 and 1951: a piece ends at a byte's end, by a sync flush, so that the next piece can follow; the check sum of the stream is
 * computed from those of the pieces.
 */
import { constants, deflateRawSync, inflateSync } from "node:zlib";

export interface Packed {
  /** Raw deflate, without a last block. */
  readonly bytes: Uint8Array;
  /** Bytes of the text before it was compressed, and its Adler-32. */
  readonly length: number;
  readonly adler: number;
}

const HEADER = Uint8Array.of(0x78, 0x9c);
/** An empty last block. */
const END = Uint8Array.of(3, 0);
const BASE = 65521;

export function pack(text: string | Uint8Array): Packed {
  const plain = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const bytes = deflateRawSync(plain, { level: 6, finishFlush: constants.Z_SYNC_FLUSH });
  return { bytes, length: plain.length, adler: Bun.hash.adler32(plain) };
}

/** The text of a piece. */
export function textOf(piece: Packed): string {
  return new TextDecoder().decode(inflateSync(join([piece])));
}

/** One zlib stream of all pieces. */
export function join(pieces: readonly Packed[]): Uint8Array {
  const sum = new Uint8Array(4);
  const adler = pieces.reduce((all, { adler, length }) => combined(all, adler, length), 1);
  new DataView(sum.buffer).setUint32(0, adler);
  return Buffer.concat([HEADER, ...pieces.map(({ bytes }) => bytes), END, sum]);
}

/** Adler-32 of a text that is two texts, one after the other, as zlib's adler32_combine. */
function combined(first: number, second: number, secondLength: number): number {
  const rest = secondLength % BASE;
  const low = first & 0xffff;
  const sum = low + (second & 0xffff) + BASE - 1;
  const high = ((rest * low) % BASE) + (first >>> 16) + (second >>> 16) + BASE - rest;
  return (((high % BASE) << 16) | (sum % BASE)) >>> 0;
}

/** A text, some parts of which are compressed already. */
export class PackedText {
  readonly #parts: readonly (string | Packed)[];

  constructor(parts: readonly (string | Packed)[]) {
    this.#parts = parts;
  }

  deflated(): Uint8Array {
    return join(this.#parts.map((part) => (typeof part === "string" ? pack(part) : part)));
  }

  text(): string {
    return this.#parts.map((part) => (typeof part === "string" ? part : textOf(part))).join("");
  }
}
