/** Guesses the option or command that was meant by an unknown one. Knows no command. */

/** A word with more changes is another word. */
const MAX_DISTANCE = 2;
/** The option for a port of scp and ssh. */
const PORT = /^-[pP](\d+)?$/;

/** @returns the name that is closest to the unknown one; undefined if no name is close */
export function closest(unknown: string, names: readonly string[]): string | undefined {
  const ranked = names
    .map((name) => ({ name, distance: name.startsWith(unknown) ? 1 : distance(unknown, name) }))
    .filter(({ name, distance: far }) => far <= Math.min(MAX_DISTANCE, (name.length - 1) / 2))
    .sort((one, other) => one.distance - other.distance);
  return unknown.length < 2 ? undefined : ranked[0]?.name;
}

/**
 * Elsewhere than before the first target or before `--`, `-p` may belong to a command whose `--` is
 * missing.
 *
 * @returns the port of `-p 22`, `-P 22` or `-p22`
 */
export function portOf(rawArgs: readonly string[]): string | undefined {
  const at = rawArgs.findIndex((arg) => PORT.test(arg));
  const port = PORT.exec(rawArgs[at] ?? "")?.[1] ?? rawArgs[at + 1] ?? "";
  const isOwn = at === 0 || rawArgs.indexOf("--") > at;
  return isOwn && /^\d+$/.test(port) ? port : undefined;
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
