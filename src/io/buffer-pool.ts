/**
 * Buffer pool: memory for the bodies of large frames, which is used again. New memory costs more
 * than a copy into it: the system has to clear it, page by page, and later to take it back.
 */

/** Buffers of one size that wait to be used again: as many as are on their way to a fast reader. */
const MAX_FREE = 16;

/** Free buffers by their size, which is a power of two. */
const free = new Map<number, ArrayBuffer[]>();
/** Buffers that are in use. */
const taken = new WeakSet<ArrayBufferLike>();

/** @returns memory with any content, for as long as the caller likes */
export function takeBuffer(bytes: number): Uint8Array {
  const size = 2 ** Math.ceil(Math.log2(bytes));
  const buffer = free.get(size)?.pop() ?? new ArrayBuffer(size);
  taken.add(buffer);
  return new Uint8Array(buffer, 0, bytes);
}

/**
 * Gives memory back. Its caller guarantees that no view of it is used any more. Memory that is not
 * of the pool is left alone; memory that is never released is garbage like any other.
 */
export function releaseBuffer({ buffer }: Uint8Array): void {
  if (!taken.delete(buffer)) return;
  const same = free.get(buffer.byteLength) ?? [];
  if (same.length < MAX_FREE) same.push(buffer as ArrayBuffer);
  free.set(buffer.byteLength, same);
}
