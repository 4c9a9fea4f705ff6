/**
 * Bytes that several contexts are sent alike, such as the files of a copy to many machines. Those
 * for contexts behind one hop cross its link once.
 */

const alike = new WeakSet<Uint8Array>();

/** @param bytes are not changed any more */
export function markAlike(bytes: Uint8Array): void {
  alike.add(bytes);
}

/** @returns whether other contexts are sent these very bytes, too */
export function isAlike(bytes: unknown): boolean {
  return bytes instanceof Uint8Array && alike.has(bytes);
}
