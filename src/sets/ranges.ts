/** What stands in brackets: `01-20,30`, `0-10/2`, `a-c`. */
import { refusedSet } from "./set-error.ts";

/** The most names of a set: more were hardly meant. */
export const MAX_NAMES = 1_000_000;

/** So that each number is exact. */
const MAX_DIGITS = 15;

const RANGE = /^(\d+|[a-z]|[A-Z])(?:\s*-\s*(\d+|[a-z]|[A-Z])(?:\s*\/\s*(\d+))?)?$/;

/**
 * @param text the whole set, for errors
 * @param start the index after the opening bracket
 * @param end the index of the closing bracket
 * @returns the texts that the brackets stand for
 * @throws {UsageError} `ERR_USAGE_TARGET`
 */
export function readBrackets(text: string, start: number, end: number): readonly string[] {
  const texts: string[] = [];
  let at = start;
  for (const part of text.slice(start, end).split(",")) {
    const item = part.trim();
    const place = at + part.search(/\S|$/);
    at += part.length + 1;
    for (const one of readRange(text, place, item)) texts.push(one);
    if (texts.length > MAX_NAMES) throw tooMany(text, place);
  }
  return texts;
}

export function tooMany(text: string, at: number): Error {
  const most = MAX_NAMES.toLocaleString("en");
  return refusedSet(text, at, `it has more than ${most} names`, "a smaller range");
}

function readRange(text: string, at: number, item: string): readonly string[] {
  const problem = (what: string, hint?: string): Error => refusedSet(text, at, what, hint);
  if (item === "") throw problem("a number is missing in the brackets");
  const [, first = "", last = first, stepText = "1"] = RANGE.exec(item) ?? [];
  if (first === "") {
    const isWord = /^[^\s[\]{}"'-]+$/.test(item);
    const hint = isWord ? `for words, write braces: {${item},...}` : undefined;
    throw problem(`${JSON.stringify(item)} is no number and no range`, hint);
  }
  const step = Number(stepText);
  if (step === 0) throw problem("a step of 0 never ends", `${first}-${last}/1`);
  if (/\d/.test(first) !== /\d/.test(last)) throw problem("it begins and ends differently");
  if (/\D/.test(first)) return letters(first, last, step, problem);
  if (Math.max(first.length, last.length) > MAX_DIGITS) {
    throw problem(`a number has at most ${MAX_DIGITS} digits`);
  }
  const isPadded = [first, last].some((one) => /^0\d/.test(one));
  if (isPadded && first.length !== last.length) {
    const width = Math.max(first.length, last.length);
    const hints = [
      `${first.padStart(width, "0")}-${last.padStart(width, "0")}`,
      `${Number(first)}-${Number(last)}`,
    ];
    throw problem("one number has more zeros before it than the other", hints.join(" or "));
  }
  const [from, to] = [Number(first), Number(last)];
  if (from > to) throw problem("the range ends before it begins", `${last}-${first}`);
  const count = Math.floor((to - from) / step) + 1;
  if (count > MAX_NAMES) throw tooMany(text, at);
  const width = isPadded ? first.length : 0;
  return Array.from({ length: count }, (_, i) => String(from + i * step).padStart(width, "0"));
}

function letters(
  first: string,
  last: string,
  step: number,
  problem: (what: string, hint?: string) => Error,
): readonly string[] {
  const [from = 0, to = 0] = [first.codePointAt(0), last.codePointAt(0)];
  const isSameCase = /[a-z]/.test(first) === /[a-z]/.test(last);
  if (!isSameCase) throw problem("a small and a capital letter are no range");
  if (from > to) throw problem("the range ends before it begins", `${last}-${first}`);
  const count = Math.floor((to - from) / step) + 1;
  return Array.from({ length: count }, (_, i) => String.fromCodePoint(from + i * step));
}
