/** Finds the name that was meant by an unknown one. */

/** A word with more changes is another word. */
const MAX_DISTANCE = 2;

/** @returns the name that is closest to the unknown one; undefined if no name is close */
export function closest(unknown: string, names: readonly string[]): string | undefined {
  const ranked = names
    .map((name) => ({ name, distance: isNear(unknown, name) ? 1 : distance(unknown, name) }))
    .filter(({ name, distance: far }) => far <= Math.min(MAX_DISTANCE, (name.length - 1) / 2))
    .sort((one, other) => one.distance - other.distance);
  return unknown.length < 2 ? undefined : ranked[0]?.name;
}

/** Letters in the wrong order are one mistake, and so is an end that is missing. */
function isNear(unknown: string, name: string): boolean {
  const letters = (word: string): string => [...word].sort().join("");
  return name !== unknown && (name.startsWith(unknown) || letters(name) === letters(unknown));
}

/** @returns the insertions, deletions, replacements and swaps that make one word of another */
function distance(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= from.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const isSame = from[i - 1] === to[j - 1];
      const isSwap = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const above = rows[i - 1] as number[];
      const ways = [(above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + +!isSame];
      row.push(Math.min(...ways, isSwap ? (rows[i - 2]?.[j - 2] ?? 0) + 1 : Infinity));
    }
    rows.push(row);
  }
  return rows[from.length]?.[to.length] ?? 0;
}
