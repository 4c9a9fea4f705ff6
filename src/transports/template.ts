/** Fills the gaps of an argument vector. */
import type { Template } from "./data.ts";

/** A text, or words that take the place of a word that is the gap alone. */
export type Values = Readonly<Record<string, string | readonly string[] | undefined>>;

const GAP = /\{([a-z][a-z0-9_-]*)\}/g;
const ONLY_GAP = /^\{([a-z][a-z0-9_-]*)\}$/;

/**
 * @returns the argument vector. A group is left out if one of its gaps has no value; any other word
 *   must have values for all its gaps (`gapsOf`).
 */
export function fill(template: Template, values: Values): string[] {
  return template.flatMap((part) => {
    if (typeof part === "string") return fillWord(part, values);
    const isComplete = gapsOf(part).every((name) => values[name] !== undefined);
    return isComplete ? part.flatMap((word) => fillWord(word, values)) : [];
  });
}

/** @returns the names of all gaps in these words, each once */
export function gapsOf(words: readonly string[]): string[] {
  return [
    ...new Set(words.flatMap((word) => [...word.matchAll(GAP)].map(([, name]) => name ?? ""))),
  ];
}

function fillWord(word: string, values: Values): readonly string[] {
  const [, only = ""] = ONLY_GAP.exec(word) ?? [];
  const value = values[only];
  if (Array.isArray(value)) return value;
  return [word.replace(GAP, (_gap, name: string) => String(values[name] ?? ""))];
}
