/**
 * Spare buffers: memory for bodies of large frames that is used again. New memory costs more than the copy into it: the system has to clear it,
 * page by page, and then to take it back. Leaf: imports nothing.
 */

/** What is on its way to a fast reader. */
const MAX_SPARE = 32;

const spare: ArrayBuffer[] = [];
/** All that are ever lent. */
const ours = new WeakSet<ArrayBufferLike>();

/** Memory of any content, for as long as the caller likes. */
export function lend(bytes: number): Uint8Array {
  const last = spare.pop();
  // One after the other is as large as the last; what is far larger would be wasted on who keeps it.
  const fits = last !== undefined && last.byteLength >= bytes && last.byteLength <= 2 * bytes;
  const buffer = fits ? last : new ArrayBuffer(bytes);
  ours.add(buffer);
  return new Uint8Array(buffer, 0, bytes);
}

/**
 * Nobody uses this memory any more, nor any view of it: it may be lent again. Only for who has seen all that became of it. What was never lent is
 * left alone, and what is never given back is garbage like all else.
 */
export function giveBack({ buffer }: Uint8Array): void {
  if (spare.length < MAX_SPARE && ours.has(buffer)) spare.push(buffer as ArrayBuffer);
}
