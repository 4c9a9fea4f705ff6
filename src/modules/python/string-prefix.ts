/**
 * Finds the end of a Python string literal: every prefix and quote of Python 2.7 to 3.14.
 *
 * Formatted literals follow the rules of 3.12 (PEP 701), which read what older versions accept in
 * the same way: inside `{}`, quotes may repeat, lines may break and comments may stand. Knows
 * nothing about the tokens around a literal. A broken literal ends at its line or at the end of the
 * file, never with an error, because the files are the user's.
 */

const PREFIXED = /(?:[bB][rR]?|[uU][rR]?|[fFtT][rR]?|[rR][bBfFtT]?)?(?:'''|"""|'|")/y;
/** By quote: the next place that a literal without fields must look at. */
const STOPS: Readonly<Record<string, RegExp>> = {
  "'": /['\\\r\n]/g,
  '"': /["\\\r\n]/g,
  "'''": /\\|'''/g,
  '"""': /\\|"""/g,
};
const WORD = /[A-Za-z0-9_\u0080-\uffff]+/y;

/**
 * CPython's own MAXFSTRINGLEVEL. Beyond it a brace is text, so hostile nesting cannot exhaust the
 * stack.
 */
const MAX_NESTING = 150;

/**
 * The end of the literal that starts at `at`, including its prefix; -1 if no literal starts there.
 */
export function stringEnd(source: string, at: number, nesting = 0): number {
  PREFIXED.lastIndex = at;
  const opening = PREFIXED.exec(source)?.[0];
  if (opening === undefined) return -1;
  const quoteAt = opening.search(/['"]/);
  const quote = opening.slice(quoteAt);
  const prefix = opening.slice(0, quoteAt).toLowerCase();
  const literal: Literal = { source, quote, raw: prefix.includes("r") };
  const from = at + opening.length;
  return /[ft]/.test(prefix) ? formattedEnd(literal, from, nesting) : plainEnd(literal, from);
}

interface Literal {
  readonly source: string;
  readonly quote: string;
  readonly raw: boolean;
}

function plainEnd({ source, quote }: Literal, from: number): number {
  const stops = STOPS[quote] as RegExp;
  stops.lastIndex = from;
  while (stops.test(source)) {
    const end = stops.lastIndex;
    const char = source[end - 1];
    if (char === quote[0]) return end;
    if (endsLine(char)) return end - 1;
    stops.lastIndex = end - 1 + escapeLength(source, end - 1);
  }
  return source.length;
}

function formattedEnd(literal: Literal, from: number, nesting: number): number {
  const { source, quote } = literal;
  let at = from;
  while (at < source.length) {
    const char = source[at];
    if (source.startsWith(quote, at)) return at + quote.length;
    if (endsLine(char) && quote.length === 1) return at;
    if (char !== "{") at = pastText(literal, at);
    else if (source[at + 1] === "{") at += 2;
    else at = fieldEnd(literal, at + 1, nesting + 1);
  }
  return source.length;
}

/** Moves from behind the `{` of a replacement field to behind its `}`. */
function fieldEnd(literal: Literal, from: number, nesting: number): number {
  if (nesting > MAX_NESTING) return from;
  const { source } = literal;
  let depth = 0;
  let at = from;
  while (at < source.length) {
    const char = source[at] ?? "";
    const inner = stringEnd(source, at, nesting + 1);
    if (inner >= 0) {
      at = inner;
    } else if (char === "#") {
      while (at < source.length && !endsLine(source[at])) at++;
    } else if (char === ":" && depth === 0) {
      return formatEnd(literal, at + 1, nesting);
    } else if (")]}".includes(char)) {
      at++;
      if (depth === 0) return at;
      depth--;
    } else if ("([{".includes(char)) {
      at++;
      depth++;
    } else {
      WORD.lastIndex = at;
      at += WORD.exec(source)?.[0].length ?? 1;
    }
  }
  return source.length;
}

/**
 * Moves from behind the `:` of a field to behind its `}`. Stops at the end of the literal itself.
 */
function formatEnd(literal: Literal, from: number, nesting: number): number {
  const { source, quote } = literal;
  let at = from;
  while (at < source.length) {
    const char = source[at];
    if (source.startsWith(quote, at)) return at;
    if (endsLine(char) && quote.length === 1) return at;
    if (char === "}") return at + 1;
    at = char === "{" ? fieldEnd(literal, at + 1, nesting + 1) : pastText(literal, at);
  }
  return source.length;
}

/** Moves past one character or escape. A backslash does not hide a brace, except in `\N{...}`. */
function pastText({ source, raw }: Literal, at: number): number {
  if (source[at] !== "\\") return at + 1;
  const next = source[at + 1];
  if (next === "{" || next === "}") return at + 1;
  if (!raw && next === "N" && source[at + 2] === "{") {
    const close = source.indexOf("}", at);
    return close < 0 ? source.length : close + 1;
  }
  return Math.min(at + escapeLength(source, at), source.length);
}

function escapeLength(source: string, at: number): number {
  return source[at + 1] === "\r" && source[at + 2] === "\n" ? 3 : 2;
}

function endsLine(char: string | undefined): boolean {
  return char === "\n" || char === "\r";
}
