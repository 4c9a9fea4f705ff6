/** Text that came from elsewhere, or goes there: fit for a terminal, fit for UTF-8. Leaf: imports nothing. */

const CONTROL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Control characters as visible escapes, so that no text can move the cursor, recolour or answer for a terminal, or turn the
 * direction of what is beside it. Newline and tab stay.
 */
export function neutralise(text: string): string {
  return text.replace(CONTROL, (c) => {
    const code = c.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
}

/** One line of it. */
export function oneLine(text: string): string {
  return neutralise(text).replace(/\n/g, "\\n");
}

const SURROGATE = /\p{Surrogate}/u;

/** Node.js 18 has none, and runs the codec, too. */
const native: ((this: string) => boolean) | undefined = String.prototype.isWellFormed;

/** Whether UTF-8 can say it: no lone surrogate. (A regular expression takes a lot of memory for a text of hundreds of megabytes.) */
export function isWellFormed(text: string): boolean {
  return native === undefined ? !SURROGATE.test(text) : native.call(text);
}

export function toWellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}
