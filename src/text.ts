/**
 * Runs in the master and, joined by scripts/shared-modules.ts, in JavaScript slaves.
 *
 * Makes text safe for a terminal or for UTF-8. Imports nothing.
 */

const CONTROL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this pattern looks for them
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Turns control characters into visible escapes. Otherwise a text from elsewhere could move the
 * cursor, change colours, make the terminal send an answer, or reverse the direction of text.
 * Newline and tab stay.
 */
export function neutralise(text: string): string {
  return text.replace(CONTROL, (c) => {
    const code = c.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
}

/** Like `neutralise`, and newlines become `\n`, so the result is one line. */
export function oneLine(text: string): string {
  return neutralise(text).replace(/\n/g, "\\n");
}

const SURROGATE = /\p{Surrogate}/u;

/** Undefined in Node.js 18, where this file also runs. */
const native: ((this: string) => boolean) | undefined = String.prototype.isWellFormed;

/**
 * Whether UTF-8 can encode a text, which is so unless it has a lone surrogate. A regular expression
 * needs much memory for a text of hundreds of megabytes, so the native function is preferred.
 */
export function isWellFormed(text: string): boolean {
  return native === undefined ? !SURROGATE.test(text) : native.call(text);
}

export function toWellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}
