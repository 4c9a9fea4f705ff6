/**
 * Names back to the text of a set: `web01 web02 … web18 web20` is `web[01-18,20]`. Names with
 * several numbers fold in each of them: `dc[1-2]n[1-4]`.
 */
import { expand } from "./node-set.ts";

/** Longer numbers are taken as text: `expand` refuses them in brackets. */
const NUMBER = /(?<!\d)\d{1,15}(?!\d)/g;

/** Characters that have no meaning in a set. The others are put in quotes. */
const PLAIN = /^[\p{L}\p{M}\w.:%+=~?/-][\p{L}\p{M}\w.:@%+=~?/-]*$/u;

/** For each number of a name, the texts that it may be: all combinations are names. */
type Box = readonly (readonly string[])[];

/** Names that differ in their numbers only. */
interface Family {
  /** What stands before, between and after the numbers. */
  readonly texts: readonly string[];
  readonly boxes: Box[];
}

/**
 * @returns a set that stands for the names: sorted, and each once. It is short, and not always the
 * shortest.
 */
export function compress(names: Iterable<string>): string {
  const families = new Map<string, Family>();
  for (const name of new Set(names)) {
    const isPlain = PLAIN.test(name) && !/[/@]@/.test(name);
    const texts = isPlain ? name.split(NUMBER) : [name];
    // No plain name has this character.
    const key = isPlain ? texts.join("\0") : `\0${name}`;
    const family = families.get(key) ?? { texts: isPlain ? texts : [quoted(name)], boxes: [] };
    families.set(key, family);
    family.boxes.push(isPlain ? (name.match(NUMBER) ?? []).map((number) => [number]) : []);
  }
  return [...families.entries()]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([, { texts, boxes }]) => merged(boxes).map((box) => textOf(texts, box)))
    .join(",");
}

/** @returns as few boxes as the two ways of merging find, in the order of their first names */
function merged(boxes: readonly Box[]): readonly Box[] {
  const axes = boxes[0]?.map((_, axis) => axis) ?? [];
  if (axes.length === 0) return boxes;
  const [one, other] = [axes.toReversed(), axes].map((order) => mergedAlong(order, boxes));
  const fewest = one && other && other.length < one.length ? other : (one ?? []);
  return fewest
    .map((box) => box.map((numbers) => numbers.toSorted(compareNumbers)))
    .sort(compareBoxes);
}

/** Joins boxes that differ in one number only, until there are none. */
function mergedAlong(axes: readonly number[], boxes: readonly Box[]): readonly Box[] {
  let current = boxes;
  for (let before = Infinity; current.length < before; ) {
    before = current.length;
    for (const axis of axes) current = mergedIn(axis, current);
  }
  return current;
}

function mergedIn(axis: number, boxes: readonly Box[]): readonly Box[] {
  const found = new Map<string, { box: Box; numbers: string[] }>();
  for (const box of boxes) {
    const key = box.map((numbers, at) => (at === axis ? "" : numbers.join())).join(";");
    const numbers = box[axis] ?? [];
    const same = found.get(key);
    if (same === undefined) found.set(key, { box, numbers: [...numbers] });
    else for (const number of numbers) same.numbers.push(number);
  }
  return [...found.values()].map(({ box, numbers }) =>
    box.with(axis, box[axis]?.length === numbers.length ? numbers : numbers.sort(compareNumbers)),
  );
}

/** Shorter ones come first: `2`, `10`, and before both of `010`. */
function compareNumbers(one: string, other: string): number {
  return one.length - other.length || (one < other ? -1 : Number(one > other));
}

function compareBoxes(one: Box, other: Box): number {
  for (const [axis, [number = ""]] of one.entries()) {
    const order = compareNumbers(number, other[axis]?.[0] ?? "");
    if (order !== 0) return order;
  }
  return 0;
}

function textOf(texts: readonly string[], box: Box): string {
  return texts.map((text, at) => text + (box[at] === undefined ? "" : ranges(box[at]))).join("");
}

/** @param numbers sorted. @returns `7`, or `[01-18,20]` */
function ranges(numbers: readonly string[]): string {
  if (numbers.length === 1) return numbers[0] ?? "";
  const runs: { first: string; last: string }[] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run !== undefined && isNext(run, number)) run.last = number;
    else runs.push({ first: number, last: number });
  }
  const texts = runs.map(({ first, last }) => (first === last ? first : `${first}-${last}`));
  return `[${texts.join()}]`;
}

/** Numbers with zeros before them are of one range only if they are equally long. */
function isNext({ first, last }: { first: string; last: string }, number: string): boolean {
  if (Number(number) !== Number(last) + 1) return false;
  const isPadded = [first, number].some((one) => /^0\d/.test(one));
  return !isPadded || number.length === first.length;
}

/** @returns the name as `expand` reads it back */
function quoted(name: string): string {
  if (isRead(name)) return name;
  return name.includes('"')
    ? name
        .split(/("+)/)
        .filter((part) => part !== "")
        .map((part) => (part.startsWith('"') ? `'${part}'` : `"${part}"`))
        .join("")
    : `"${name}"`;
}

/** An address such as `[::1]` needs no quotes. */
function isRead(name: string): boolean {
  try {
    const names = expand(name);
    return names.length === 1 && names[0] === name;
  } catch {
    return false;
  }
}
