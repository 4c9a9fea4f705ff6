/**
 * Sets of targets, as ClusterShell writes them: `web[01-20,30],db[1-3]-[a-b]!db2-a`. Text in, names
 * out. A name is whatever a path may be: the words of paths are not looked at.
 *
 * Operators are read from left to right: `,` and white space add, `!` takes away, `&` keeps what is
 * in both, `^` what is in one of both.
 */

import type { Reference } from "./pattern.ts";
import {
  type GroupLookup,
  namesOf,
  noGroups,
  type Pattern,
  PatternReader,
  referencesOf,
} from "./pattern.ts";
import { MAX_NAMES, tooMany } from "./ranges.ts";
import { refusedSet } from "./set-error.ts";

export interface SetOptions {
  /** Finds the names of groups. Default: there are none. */
  readonly groups?: GroupLookup;
  /** The set that the text works on: it may begin with an operator then. */
  readonly base?: readonly string[];
  /** What a `*` is compared with. Default: the names of all groups. */
  readonly known?: readonly string[];
}

type Operator = "," | "!" | "&" | "^";

interface Operation {
  readonly operator: Operator;
  readonly operand: Pattern;
}

/** The name of the group of all targets that are known. */
export const ALL = "*";

/** A text that is one name, and no more. */
const ONE_NAME = /^[\w.:%+=~/-][\w.:@%+=~/-]*$/;

/**
 * @returns the names of a set in the order of writing, each once
 * @throws {UsageError} `ERR_USAGE_TARGET`, with the place in the text
 */
export function expand(text: string, options: SetOptions = {}): readonly string[] {
  const { base, known, groups = noGroups } = options;
  if (base === undefined && ONE_NAME.test(text) && !/[/@]@/.test(text)) return [text];
  let names = new Set(base);
  for (const { operator, operand } of parse(text, base !== undefined)) {
    const all = (): readonly string[] => known ?? allOf(groups);
    names = combine(operator, names, operandNames(text, operand, groups, all));
    if (names.size > MAX_NAMES) throw tooMany(text, operand.at);
  }
  return [...names];
}

/** @returns all names that are known */
function allOf(groups: GroupLookup): readonly string[] {
  const all = groups(ALL, "");
  return "names" in all ? all.names : [];
}

/** @returns the groups that a set names. @throws {UsageError} `ERR_USAGE_TARGET` */
export function references(text: string, options: SetOptions = {}): readonly Reference[] {
  return parse(text, options.base !== undefined).flatMap(({ operand }) => [
    ...referencesOf(text, operand),
    ...(operand.isWild && options.known === undefined
      ? [{ name: ALL, rest: "", at: operand.at }]
      : []),
  ]);
}

function parse(text: string, hasBase: boolean): readonly Operation[] {
  const reader = new PatternReader(text);
  const operations: Operation[] = [];
  for (;;) {
    const { operator, at } = readOperator(text, reader);
    if (reader.at >= text.length) {
      if (operator !== undefined)
        throw refusedSet(text, at, `a set is missing after "${operator}"`);
      return operations;
    }
    const isFirst = operations.length === 0 && !hasBase;
    if (operator !== undefined && (isFirst || /[,!&^]/.test(text[reader.at] ?? ""))) {
      const where = isFirst ? "before" : "after";
      throw refusedSet(text, at, `a set is missing ${where} "${operator}"`);
    }
    operations.push({ operator: operator ?? ",", operand: reader.read() });
  }
}

/** Reads an operator, and the white space on both of its sides. */
function readOperator(
  text: string,
  reader: PatternReader,
): { readonly operator: Operator | undefined; readonly at: number } {
  const skip = (): void => {
    while (/\s/.test(text[reader.at] ?? "")) reader.at += 1;
  };
  skip();
  const { at } = reader;
  const char = text[at] ?? "";
  if (!/^[,!&^]$/.test(char)) return { operator: undefined, at };
  reader.at += 1;
  skip();
  return { operator: char as Operator, at };
}

/** @param known what a `*` is compared with */
function operandNames(
  text: string,
  operand: Pattern,
  groups: GroupLookup,
  known: () => readonly string[],
): readonly string[] {
  const names = namesOf(text, operand, groups);
  if (!operand.isWild) return names;
  return names.flatMap((name) => {
    if (!name.includes("*")) return [name];
    const mask = maskOf(name);
    const found = known().filter((one) => mask.test(one));
    if (found.length > 0) return found;
    const hint = "* stands for the names of econtext.toml";
    throw refusedSet(text, operand.at, `no known name is like ${name}`, hint);
  });
}

/** @returns the pattern of a text in which `*` stands for any characters */
function maskOf(text: string): RegExp {
  const parts = text.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "su");
}

function combine(operator: Operator, left: Set<string>, right: readonly string[]): Set<string> {
  if (operator === ",") {
    for (const name of right) left.add(name);
    return left;
  }
  const others = new Set(right);
  if (operator === "!") return left.difference(others);
  if (operator === "&") return new Set([...left].filter((name) => others.has(name)));
  return left.symmetricDifference(others);
}
