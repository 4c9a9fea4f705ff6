/** Which versions stand for all of them, where a test cannot differ between versions. */

/**
 * The oldest, the newest, and one in between, of those that this machine has. `versions` begin with
 * the oldest.
 */
export function sample<T>(versions: readonly T[]): readonly T[] {
  const last = versions.length - 1;
  return versions.filter((_, i) => i === 0 || i === Math.floor(last / 2) || i === last);
}
