/** The collector counts what is in its heap, and lets the little that each chunk leaves behind pile up: the command line, which has no heap to speak of, asks for it now and then. */

const EACH_BYTES = 1 << 24;

let moved = 0;

/** So many bytes more have gone through here. */
export function tidy(bytes: number): void {
  moved += bytes;
  if (moved < EACH_BYTES) return;
  moved = 0;
  Bun.gc(false);
}
