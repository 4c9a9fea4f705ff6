/**
 * Texts that are compressed once and sent often. Each piece is deflated by itself, and pieces are
 * joined into one zlib stream (RFC 1950, 1951). A sync flush ends each piece at a whole byte, so
 * that the next piece can follow. The stream's checksum is computed from those of its pieces.
 * Knows no module. (Packages that become real files are in unpack-list.ts.)
 */

export interface Packed {
  /** Raw deflate data without a final block. */
  readonly bytes: Uint8Array;
  /** The number of bytes before compression. */
  readonly length: number;
  /** The Adler-32 of the bytes before compression. */
  readonly adler: number;
}

const HEADER = Uint8Array.of(0x78, 0x9c);
/** An empty final block. */
const END = Uint8Array.of(3, 0);
const BASE = 65521;
const LEVEL = 6;
/** Texts of at most this many bytes would not become shorter. */
const MAX_STORED = 16;

/** Loads node:zlib at the first use: it would delay the start of every command. */
const zlib = () => require("node:zlib") as typeof import("node:zlib");

/** A zlib stream of these bytes. */
export function deflated(plain: Uint8Array): Uint8Array {
  const body = Bun.deflateSync(encoded(plain), { level: LEVEL });
  return Buffer.concat([HEADER, body, checksum(Bun.hash.adler32(plain))]);
}

export function pack(text: string | Uint8Array): Packed {
  const plain = encoded(text);
  if (plain.length <= MAX_STORED) return stored(plain);
  const { constants, deflateRawSync } = zlib();
  const bytes = deflateRawSync(plain, { level: LEVEL, finishFlush: constants.Z_SYNC_FLUSH });
  return { bytes, length: plain.length, adler: Bun.hash.adler32(plain) };
}

/** A block that is not compressed (RFC 1951, 3.2.4): its length, the length inverted, the bytes. */
function stored(plain: Uint8Array<ArrayBuffer>): Packed {
  const size = plain.length;
  const bytes = Uint8Array.of(0, size, 0, ~size, 255, ...plain);
  return { bytes, length: size, adler: Bun.hash.adler32(plain) };
}

function encoded(text: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  return bytes as Uint8Array<ArrayBuffer>;
}

/** Joins pieces into one zlib stream. */
export function join(pieces: readonly Packed[]): Uint8Array {
  const adler = pieces.reduce((all, { adler, length }) => combined(all, adler, length), 1);
  return Buffer.concat([HEADER, ...pieces.map(({ bytes }) => bytes), END, checksum(adler)]);
}

function checksum(adler: number): Uint8Array {
  const sum = new Uint8Array(4);
  new DataView(sum.buffer).setUint32(0, adler);
  return sum;
}

/** The Adler-32 of two texts, one after the other, like zlib's adler32_combine. */
function combined(first: number, second: number, secondLength: number): number {
  const rest = secondLength % BASE;
  const low = first & 0xffff;
  const sum = low + (second & 0xffff) + BASE - 1;
  const high = ((rest * low) % BASE) + (first >>> 16) + (second >>> 16) + BASE - rest;
  return (((high % BASE) << 16) | (sum % BASE)) >>> 0;
}
