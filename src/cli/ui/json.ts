/** JSON text for a line of output. Leaf: imports nothing. */

// Characters that JSON does not escape, but a terminal may act on. Escaped, the value is the same.
const UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** @returns one line without control characters; null for `undefined` */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value) ?? "null";
  return text.replace(UNSAFE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
