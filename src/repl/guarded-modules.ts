/**
 * Guards in the modules that a prompt imports, and the way back from positions in these modules to
 * the user's own text. A guard is only put where the text with it is certain to mean the same.
 */
import type { ModuleText } from "../functions/analysed-module.ts";
import { Edits } from "../syntax/edits.ts";
import { type Erased, eraseTypes } from "../syntax/erase-types.ts";
import type { AnyNode } from "../syntax/parse.ts";
import { parseAny } from "../syntax/scope-analysis.ts";
import { countGuards, type Guard, guardsOf, unguarded } from "./guards.ts";

/** What stands before the block of an enum, which is a function in the text without types. */
const ENUM = /^enum\s+[\p{ID_Continue}$]+\s*$/u;
const PLACE = /^(\/.*):(\d+):(\d+)$/s;

type OriginalColumn = (line: number, column: number) => number;

export class GuardedModules {
  /** By the module's path. */
  readonly #columns = new Map<string, OriginalColumn>();

  /** @returns the text of a module with guards, on the same lines; the same text if it has none */
  readonly edit = ({ name, source, extension }: ModuleText): string => {
    this.#columns.delete(name);
    const plain = source.replace(/^\ufeff/, "").replace(/^#!/, "//");
    try {
      const edited = guardedText(plain, extension);
      if (edited === undefined) return source;
      this.#columns.set(name, edited.originalColumn);
      return edited.text;
    } catch {
      // Loading the module reports the error. Text that cannot be erased here runs without guards.
      return source;
    }
  };

  /** The position in the user's text for one in a module with guards; undefined for others. */
  find(place: string): string | undefined {
    const [, name = "", line, column] = PLACE.exec(place) ?? [];
    const original = this.#columns.get(name)?.(Number(line), Number(column) - 1);
    return original === undefined ? undefined : `${name}:${line}:${original + 1}`;
  }
}

/** @returns undefined if the text must stay as it is */
function guardedText(
  source: string,
  extension: string,
): ReturnType<InstanceType<typeof Edits>["apply"]> | undefined {
  const erased = eraseTypes(source, extension);
  const edits = new Edits(source);
  const offsetInSource = offsets(source, erased);
  let count = 0;
  for (const { at, isAfter, text } of guardsOf(rootOf(erased.code), erased.code)) {
    const offset = offsetInSource(at);
    if (offset === undefined || isOfEnum(source, offset)) continue;
    edits.insert(offset + +isAfter, text);
    count++;
  }
  if (count === 0) return undefined;
  const edited = edits.apply();
  const { code } = eraseTypes(edited.text, extension);
  const isSame = unguarded(code) === erased.code && countGuards(rootOf(code)) === count;
  return isSame ? edited : undefined;
}

function isOfEnum(source: string, at: number): boolean {
  return source[at] === "{" && ENUM.test(source.slice(source.lastIndexOf("enum", at), at));
}

/** @returns a function from offsets in the text without types to those of the same character */
function offsets(
  source: string,
  { code, original }: Erased,
): (at: Guard["at"]) => number | undefined {
  const starts = lineStarts(source);
  const erasedStarts = lineStarts(code);
  return (at) => {
    const line = erasedStarts.findLastIndex((start) => start <= at);
    const { column } = original(line + 1, at - (erasedStarts[line] ?? 0));
    const offset = (starts[line] ?? 0) + column;
    return source[offset] === code[at] ? offset : undefined;
  };
}

function lineStarts(text: string): number[] {
  return [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
}

function rootOf(code: string): AnyNode {
  return parseAny(code) as unknown as AnyNode;
}
