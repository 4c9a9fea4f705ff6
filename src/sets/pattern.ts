/**
 * One operand of a set: `db[1-3]-{a,b}`, `@web/sudo:root`, `"a name, with a comma"`. It is a
 * sequence of parts, and stands for each combination of what the parts stand for.
 */
import { MAX_NAMES, readBrackets, tooMany } from "./ranges.ts";
import { refusedSet } from "./set-error.ts";

/**
 * Finds the names of groups and of files.
 *
 * @param name what follows the `@`
 * @param rest what follows the name in the same operand: it may belong to the name of a file
 */
export type GroupLookup = (name: string, rest: string) => GroupNames | GroupProblem;

export interface GroupNames {
  readonly names: readonly string[];
  /** Whether `rest` belonged to the name. */
  readonly isWhole: boolean;
}

/** Why there is no such group. */
export interface GroupProblem {
  readonly problem: string;
  readonly hint?: string;
}

/** Where there are no groups. */
export const noGroups: GroupLookup = (name) => ({
  problem: `no groups are known here: @${name}`,
  hint: "the names themselves",
});

type Part =
  | { readonly texts: readonly string[] }
  | { readonly choices: readonly Pattern[] }
  | { readonly group: Pattern; readonly rest: string; readonly at: number };

export interface Pattern {
  readonly parts: readonly Part[];
  /** The index of its first character. */
  readonly at: number;
  /** It has a `*` outside of quotes. */
  readonly isWild: boolean;
}

/** A group that an operand names. */
export interface Reference {
  readonly name: string;
  readonly rest: string;
  readonly at: number;
}

const MAX_DEPTH = 32;

/** Between colons and in brackets: a name that ssh itself takes. */
const ADDRESS = /^[\da-f]*:[\da-f:.]*:[\da-f.]*(?:%[\w.-]+)?$/i;

/** Reads operands of a set. */
export class PatternReader {
  readonly #text: string;
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** @returns the operand that begins here. @throws {UsageError} `ERR_USAGE_TARGET` */
  read(depth = 0, startsWord = true): Pattern {
    const at = this.at;
    const parts: Part[] = [];
    let plain = "";
    let isWild = false;
    const add = (part: Part): void => {
      if (plain !== "") parts.push({ texts: [plain] });
      plain = "";
      parts.push(part);
    };
    while (this.at < this.#text.length && !this.#isEnd(depth)) {
      const char = this.#text[this.at] ?? "";
      const isStart = startsWord && /(?:^|\/|[^/]@)$/.test(this.#text.slice(at, this.at).slice(-2));
      if (char === "@" && isStart) add(this.#group(depth));
      else if (char === "[") add({ texts: this.#brackets(this.at > at) });
      else if (char === "{") {
        const choices = this.#braces(depth, isStart);
        isWild ||= choices.some((choice) => choice.isWild);
        add({ choices });
      } else if (char === '"' || char === "'") add({ texts: [this.#quoted(char)] });
      else if (char === "]" || char === "}") throw this.#refused(`"${char}" closes nothing`);
      else {
        isWild ||= char === "*";
        plain += char;
        this.at += 1;
      }
    }
    if (plain !== "") parts.push({ texts: [plain] });
    return { parts, at, isWild };
  }

  /** @returns whether the operand is over */
  #isEnd(depth: number): boolean {
    const char = this.#text[this.at] ?? "";
    if (depth > 0 && (char === "," || char === "}")) return true;
    if (/[,!^\s]/.test(char)) return true;
    return char === "&" && !this.#isOption();
  }

  /** In `podman:app?user=www&cwd=x`, an option follows. */
  #isOption(): boolean {
    const before = this.#text.slice(0, this.at).match(/[^/\s,!^]*$/)?.[0] ?? "";
    return before.includes("?") && /^&[\w-]+=/.test(this.#text.slice(this.at, this.at + 64));
  }

  #brackets(isInWord: boolean): readonly string[] {
    const start = this.at + 1;
    const end = this.#text.indexOf("]", start);
    if (end < 0) throw this.#refused("the bracket is not closed");
    const inner = this.#text.slice(start, end);
    const nested = inner.search(/[[{]/);
    if (nested >= 0) throw this.#refused("brackets cannot be nested", undefined, start + nested);
    if (ADDRESS.test(inner)) {
      this.at = end + 1;
      return [`[${inner}]`];
    }
    const before = isInWord ? /\]\d*$/.exec(this.#text.slice(0, this.at)) : null;
    if (before !== null && !/\[[^\]]*:[^\]]*\]\d*$/.test(this.#text.slice(0, this.at))) {
      const hint = "put the first one into braces: n{1,2}[3-4], or write all numbers: n[13-14,23]";
      throw this.#refused("two brackets with only digits between make unclear numbers", hint);
    }
    const texts = readBrackets(this.#text, start, end);
    this.at = end + 1;
    return texts;
  }

  #braces(depth: number, startsWord: boolean): readonly Pattern[] {
    const open = this.at;
    if (depth >= MAX_DEPTH) throw this.#refused("braces are nested too deeply");
    const choices: Pattern[] = [];
    for (let char = "{"; char !== "}"; ) {
      this.at += 1;
      this.#skipSpaces();
      choices.push(this.read(depth + 1, startsWord));
      this.#skipSpaces();
      char = this.#text[this.at] ?? "";
      if (char === "") throw this.#refused("the brace is not closed", undefined, open);
      if (char !== "," && char !== "}") {
        throw this.#refused("in braces, only commas stand between words", "{web,db}1");
      }
    }
    this.at += 1;
    const inner = this.#text.slice(open + 1, this.at - 1);
    if (choices.length > 1) return choices;
    const range = inner.replace(/^(\w+)\.\.(\w+)(?:\.\.(\w+))?$/, (_all, first, last, step) =>
      step === undefined ? `[${first}-${last}]` : `[${first}-${last}/${step}]`,
    );
    const hint = range === inner ? "{web,db}1" : range;
    throw this.#refused("braces hold several words, with commas between", hint, open);
  }

  /** After the `@`, to the next slash: the name of a group, which may be a pattern itself. */
  #group(depth: number): Part {
    const at = this.at;
    if (depth >= MAX_DEPTH) throw this.#refused("groups are nested too deeply");
    this.at += 1;
    const isFile = /^[./~]/.test(this.#text.slice(this.at));
    const whole = this.#wordEnd();
    const slash = isFile ? -1 : this.#text.slice(this.at, whole).search(/\/(?![^[]*\])/);
    const end = slash < 0 ? whole : this.at + slash;
    if (end === this.at) throw this.#refused("the name of a group is missing", "@NAME");
    const reader = new PatternReader(this.#text.slice(0, end));
    reader.at = this.at;
    const group = isFile ? this.#plainName(end) : reader.read(depth + 1, false);
    this.at = end;
    return { group, rest: this.#text.slice(end, whole), at };
  }

  #plainName(end: number): Pattern {
    const texts = [this.#text.slice(this.at, end)];
    return { parts: [{ texts }], at: this.at, isWild: false };
  }

  /** @returns the index of the end of the operand, which begins here or before */
  #wordEnd(): number {
    let depth = 0;
    for (let at = this.at; at < this.#text.length; at += 1) {
      const char = this.#text[at] ?? "";
      if ("[{".includes(char)) depth += 1;
      else if ("]}".includes(char) && depth > 0) depth -= 1;
      else if (depth === 0 && /[,!&^\s}]/.test(char)) return at;
    }
    return this.#text.length;
  }

  #quoted(quote: string): string {
    const start = this.at + 1;
    const end = this.#text.indexOf(quote, start);
    if (end < 0) throw this.#refused("the quotation mark is not closed");
    this.at = end + 1;
    return this.#text.slice(start, end);
  }

  #skipSpaces(): void {
    while (/\s/.test(this.#text[this.at] ?? "")) this.at += 1;
  }

  #refused(problem: string, hint?: string, at = this.at): Error {
    return refusedSet(this.#text, at, problem, hint);
  }
}

/** @returns the groups that an operand names */
export function referencesOf(text: string, { parts }: Pattern): readonly Reference[] {
  return parts.flatMap((part): readonly Reference[] => {
    if ("choices" in part) return part.choices.flatMap((choice) => referencesOf(text, choice));
    if (!("group" in part)) return [];
    const { group, rest, at } = part;
    return namesOf(text, group, noGroups).map((name) => ({ name, rest, at }));
  });
}

/**
 * @param text the whole set, for errors
 * @returns what the operand stands for, in order; a name may be there twice
 * @throws {UsageError} `ERR_USAGE_TARGET`
 */
export function namesOf(text: string, pattern: Pattern, lookup: GroupLookup): readonly string[] {
  let names: readonly string[] = [""];
  for (const part of pattern.parts) {
    const { texts, isLast } = textsOf(text, part, lookup);
    if (names.length * texts.length > MAX_NAMES) throw tooMany(text, pattern.at);
    const [only] = texts;
    if (texts.length === 1) names = names.map((name) => name + only);
    else names = names.flatMap((name) => texts.map((one) => name + one));
    if (isLast) break;
  }
  return names;
}

function textsOf(
  text: string,
  part: Part,
  lookup: GroupLookup,
): { readonly texts: readonly string[]; readonly isLast: boolean } {
  if ("texts" in part) return { texts: part.texts, isLast: false };
  if ("choices" in part) {
    const texts: string[] = [];
    for (const choice of part.choices) {
      for (const one of namesOf(text, choice, lookup)) texts.push(one);
      if (texts.length > MAX_NAMES) throw tooMany(text, choice.at);
    }
    return { texts, isLast: false };
  }
  const { group, rest, at } = part;
  const texts: string[] = [];
  let isLast = false;
  for (const name of namesOf(text, group, lookup)) {
    const found = lookup(name, rest);
    if ("problem" in found) throw refusedSet(text, at, found.problem, found.hint);
    isLast ||= found.isWhole;
    for (const one of found.names) texts.push(one);
    if (texts.length > MAX_NAMES) throw tooMany(text, at);
  }
  return { texts, isLast };
}
