/** What the tab key offers for a name of the prompt and for the members of a value. */

/** The candidates, and the part of the line that each of them replaces. */
export type Completions = [candidates: string[], typed: string];

const NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;
const PATH = /(?:[\p{ID_Start}$_][\p{ID_Continue}$]*\??\.)*[\p{ID_Continue}$]*$/u;
/** What stands in front of a member of a value that is not a plain path, such as `f().`. */
const OF_VALUE = /[)\]}"'`]\s*\??\.\s*$/;
const KEYWORDS =
  "async await break case catch class const continue default delete do else export extends false finally for from function " +
  "if import in instanceof let new null of return static super switch this throw true try typeof undefined var void while yield";

/**
 * @param line up to the cursor; its end is not in a string
 * @param peek gives the value of a plain path; it may throw
 */
export function namesIn(line: string, peek: (path: string) => unknown): Completions {
  const path = PATH.exec(line)?.[0] ?? "";
  const dot = path.lastIndexOf(".");
  const typed = path.slice(dot + 1);
  if (dot < 0) {
    const isMember = /(?:^|[^.])\.\s*$/.test(line.slice(0, line.length - typed.length));
    if (typed === "" || isMember || OF_VALUE.test(line.slice(0, -typed.length))) return [[], typed];
    const all = [...namesOf(globalThis, true), ...KEYWORDS.split(" ")];
    return [beginning(typed, all), typed];
  }
  try {
    const owner = peek(path.slice(0, dot).replace(/\?$/, ""));
    if (owner === undefined || owner === null) return [[], typed];
    return [beginning(typed, namesOf(Object(owner), typed !== "")), typed];
  } catch {
    return [[], typed]; // there is no such name
  }
}

/** @param hasCommon whether the members of every object count */
function namesOf(value: object, hasCommon: boolean): string[] {
  const names: string[] = [];
  for (let one: object | null = value; one !== null; one = Object.getPrototypeOf(one)) {
    if (one === Object.prototype && one !== value && !hasCommon) break;
    names.push(...Object.getOwnPropertyNames(one));
  }
  return names;
}

function beginning(typed: string, names: readonly string[]): string[] {
  const isShown = (name: string): boolean =>
    name.startsWith(typed) && NAME.test(name) && (typed.startsWith("__") || !name.startsWith("__"));
  return [...new Set(names.filter(isShown))].sort();
}

/** @returns the text of the string that a line ends in, without its quote; undefined outside */
export function openString(line: string): string | undefined {
  let quote = "";
  let start = 0;
  for (let i = 0; i < line.length; i++) {
    const one = line[i] as string;
    if (quote === "") {
      if (/["'`]/.test(one)) [quote, start] = [one, i + 1];
    } else if (one === "\\") i++;
    else if (one === quote) quote = "";
  }
  const text = quote === "" ? undefined : line.slice(start);
  const isExpression = quote === "`" && /\$\{[^}]*$/.test(text ?? "");
  return isExpression ? undefined : text;
}
