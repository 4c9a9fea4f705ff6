/**
 * Folds results: targets with the same output, or with equal values, make one group. Values are
 * compared by their content, as a text that is the same for equal values.
 */

/** Targets whose values are equal. */
export interface Group<T> {
  /** In the order in which they were given. */
  readonly names: readonly string[];
  /** That of the first target. */
  readonly value: T;
}

/** Longer keys are replaced by a hash, so that the groups of large outputs cost no memory. */
const MAX_KEY = 1_000;

/** @returns groups of equal values, the largest first; of two equally large, the earlier first */
export function fold<T>(
  items: Iterable<{ readonly name: string; readonly value: T }>,
): readonly Group<T>[] {
  const groups = new Map<string, { names: string[]; value: T }>();
  for (const { name, value } of items) {
    const key = shortKey(value);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { names: [name], value });
    else group.names.push(name);
  }
  // The sort is stable, and the map has the groups in the order in which they began.
  return [...groups.values()].sort((a, b) => b.names.length - a.names.length);
}

function shortKey(value: unknown): string {
  const key = keyOf(value);
  if (key.length <= MAX_KEY) return key;
  return `sha256 ${new Bun.CryptoHasher("sha256").update(key).digest("base64")}`;
}

/**
 * @returns a text that two values share if they are equal: members of objects and maps in any
 * order, items of lists in theirs. 1 and 1n are equal: which of them a whole number becomes depends
 * on the language of the slave.
 */
export function keyOf(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(keyOf).join()}]`;
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString("base64")}`;
  if (value instanceof Date) return `date ${value.getTime()}`;
  if (value instanceof Set) return `set {${[...value].map(keyOf).sort().join()}}`;
  if (value instanceof Error) return `error ${JSON.stringify([value.name, value.message])}`;
  const isMap = value instanceof Map;
  const members = [...(isMap ? value : Object.entries(value))].map(
    ([name, member]) => `${keyOf(name)}:${keyOf(member)}`,
  );
  return `${isMap ? "map " : ""}{${members.sort().join()}}`;
}
