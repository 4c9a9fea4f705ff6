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

/** Texts up to this length are written into keys as they are. */
const MAX_TEXT = 256;

/** @returns groups of equal values, the largest first; of two equally large, the earlier first */
export function fold<T>(
  items: Iterable<{ readonly name: string; readonly value: T }>,
): readonly Group<T>[] {
  const groups = new Map<string, { names: string[]; value: T }>();
  const texts: Texts = new Map();
  for (const { name, value } of items) {
    const key = keyOf(value, texts);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { names: [name], value });
    else group.names.push(name);
  }
  // The sort is stable, and the map has the groups in the order in which they began.
  return [...groups.values()].sort((a, b) => b.names.length - a.names.length);
}

/** Numbers of long texts: a key has the number, and so stays short. */
type Texts = Map<string, number>;

/**
 * @returns a text that two values share if they are equal: members of objects and maps in any
 * order, items of lists in theirs. 1 and 1n are equal: which of them a whole number becomes depends
 * on the language of the slave.
 *
 * @param texts the same for all values that are compared
 */
export function keyOf(value: unknown, texts: Texts): string {
  if (typeof value === "string") return textKey(value, texts);
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map((item) => keyOf(item, texts)).join()}]`;
  if (value instanceof Uint8Array)
    return `bytes ${textKey(Buffer.from(value).toString("latin1"), texts)}`;
  if (value instanceof Date) return `date ${value.getTime()}`;
  if (value instanceof Set)
    return `set {${[...value]
      .map((item) => keyOf(item, texts))
      .sort()
      .join()}}`;
  if (value instanceof Error) return `error ${JSON.stringify([value.name, value.message])}`;
  const isMap = value instanceof Map;
  const members = [...(isMap ? value : Object.entries(value))].map(
    ([name, member]) => `${keyOf(name, texts)}:${keyOf(member, texts)}`,
  );
  return `${isMap ? "map " : ""}{${members.sort().join()}}`;
}

function textKey(text: string, texts: Texts): string {
  if (text.length <= MAX_TEXT) return JSON.stringify(text);
  const number = texts.get(text) ?? texts.size;
  texts.set(text, number);
  return `text ${number}`;
}
