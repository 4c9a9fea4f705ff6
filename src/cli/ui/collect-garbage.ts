/**
 * Asks for garbage collection now and then. Each chunk of bytes leaves little in the heap, so the
 * collector sees no reason to run, while the memory outside of the heap piles up.
 */

const EACH_BYTES = 1 << 24;

let moved = 0;

/** Counts bytes that went through this process. */
export function tidy(bytes: number): void {
  moved += bytes;
  if (moved < EACH_BYTES) return;
  moved = 0;
  Bun.gc(false);
}
