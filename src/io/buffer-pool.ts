/**
 * Spare buffers: memory for bodies of large frames that is used again. New memory costs more than the copy into it: the system has to clear it,
 * page by page, and then to take it back. Leaf: imports nothing.
 */

/** Of a size: what is on its way to a fast reader. */
const MAX_SPARE = 16;

/** By size, which is a power of two: what is far larger would be wasted on who keeps it. */
const spare = new Map<number, ArrayBuffer[]>();
/** What is lent now. */
const lent = new WeakSet<ArrayBufferLike>();

/** Memory of any content, for as long as the caller likes. */
export function takeBuffer(bytes: number): Uint8Array {
  const size = 2 ** Math.ceil(Math.log2(bytes));
  const buffer = spare.get(size)?.pop() ?? new ArrayBuffer(size);
  lent.add(buffer);
  return new Uint8Array(buffer, 0, bytes);
}

/**
 * Nobody uses this memory any more, nor any view of it: it may be lent again. Only for who has seen all that became of it. What was never lent is
 * left alone, and what is never given back is garbage like all else.
 */
export function releaseBuffer({ buffer }: Uint8Array): void {
  if (!lent.delete(buffer)) return;
  const same = spare.get(buffer.byteLength) ?? [];
  if (same.length < MAX_SPARE) same.push(buffer as ArrayBuffer);
  spare.set(buffer.byteLength, same);
}
