/** JSON text for a line of output. Leaf: imports nothing. */

// What JSON leaves as it is and a terminal may act on: as escapes, it is the same value.
const UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** One line, without a control character. `undefined` is null. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value) ?? "null";
  return text.replace(UNSAFE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
