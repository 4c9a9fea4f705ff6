/** Which versions stand for all of them, where a test cannot differ between versions. */

/**
 * The oldest and the newest of those that this machine has. `versions` begin with the oldest.
 */
export function sample<T>(versions: readonly T[]): readonly T[] {
  return versions.filter((_, at) => at === 0 || at === versions.length - 1);
}
