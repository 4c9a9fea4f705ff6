/**
 * Python source as it is sent: without comments if it is UTF-8 (PEP 263), else unchanged.
 *
 * Docstrings stay, because a module may read `__doc__`. Every statement keeps its line number,
 * because tracebacks name it. Knows no files.
 */
import { stringEnd } from "./string-prefix.ts";

const COMMENT_ONLY = /^[ \t\f]*(?:#.*)?$/;
const CODING = /^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)/;
/** What ends a piece of text that is copied as it is: a literal, a comment or a line's end. */
const STOP = /['"#\r\n]/g;
const LINE_END = /[\r\n]/g;
/** The letters in front of a quote, if they are a word of their own. */
const PREFIX = /(?:^|[^A-Za-z0-9_\u0080-\uffff])([A-Za-z]{1,2})$/;

/** Removes comments and trailing white space. The result compiles to the same code. */
export function stripComments(source: string): string {
  let out = "";
  let copied = 0;
  let literal = 0;
  for (let at = next(STOP, source, 0); ; at = next(STOP, source, at)) {
    const char = source[at];
    if (char === "'" || char === '"') {
      literal = at = literalEnd(source, at);
      continue;
    }
    const end = char === "#" ? next(LINE_END, source, at) : at;
    const kept = withoutBlanks(source, literal, at);
    // A backslash in front of white space is not valid, and must not become a continuation by the
    // removal.
    if (kept < end && source[kept - 1] !== "\\") {
      out += source.slice(copied, kept);
      copied = end;
    }
    if (end === source.length) return withoutLastLines(out + source.slice(copied));
    at = end + 1;
  }
}

/** Where a pattern matches next; the end of the text if it does not. */
function next(pattern: RegExp, source: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.test(source) ? pattern.lastIndex - 1 : source.length;
}

/** The end of the literal whose quote is at `quote`. */
function literalEnd(source: string, quote: number): number {
  const letters = PREFIX.exec(source.slice(Math.max(0, quote - 3), quote))?.[1] ?? "";
  const end = letters === "" ? -1 : stringEnd(source, quote - letters.length);
  return end < 0 ? stringEnd(source, quote) : end;
}

/** Where the white space in front of `end` begins, which is at `start` or after it. */
function withoutBlanks(source: string, start: number, end: number): number {
  let at = end;
  while (at > start && " \t\f".includes(source[at - 1] as string)) at--;
  return at;
}

/** A text with one line end at most behind its last line. */
function withoutLastLines(text: string): string {
  let end = text.length;
  while (end > 0 && "\r\n".includes(text[end - 1] as string)) end--;
  return text.slice(0, end) + (/^(?:\r\n|\n|\r)/.exec(text.slice(end))?.[0] ?? "");
}

/**
 * The text of a UTF-8 file. Undefined for another or an invalid coding, which Python handles
 * itself.
 */
export function decodeSource(bytes: Uint8Array): string | undefined {
  const coding = declaredCoding(bytes) ?? "utf-8";
  // Python ignores case, `_` for `-`, and the line end that Emacs adds (`utf-8-unix`).
  if (!/^utf[-_]?8(?:[-_](?:sig|unix|dos|mac))?$/i.test(coding)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The coding named in the first line, or in the second if the first holds no statement. */
function declaredCoding(bytes: Uint8Array): string | undefined {
  const lines = Buffer.from(bytes.subarray(0, 4096))
    .toString("latin1")
    .replace(/^\xef\xbb\xbf/, "")
    .split(/\r\n|\n|\r/, 2);
  for (const line of lines) {
    const coding = CODING.exec(line)?.[1];
    if (coding !== undefined) return coding;
    if (!COMMENT_ONLY.test(line)) return undefined;
  }
  return undefined;
}
