/**
 * Columns of a line from which pieces were taken out (types), back to those of the line as it was. By the words that both have, because
 * who erases types keeps lines, and the maps that it makes of columns are not to be relied on. Knows no language.
 */

const WORD = /[\p{ID_Continue}$]+|\s+|./gsu;
/** Words of one line, at most: the work grows with their square. Longer lines are not the user's own hand. */
const MAX_WORDS = 400;

/** @param column of `left`, from 0. @returns the column in `whole` of the word that it is in, from 0 */
export function alignColumn(left: string, whole: string, column: number): number {
  let prefix = 0;
  while (prefix < left.length && left[prefix] === whole[prefix]) prefix++;
  if (column < prefix || left === whole) return Math.min(column, whole.length);
  const a = words(left);
  const b = words(whole);
  if (a.length > MAX_WORDS || b.length > MAX_WORDS) return Math.min(column, whole.length);
  const at = a.findIndex(({ end }) => column < end);
  const word = a[at];
  if (word === undefined) return whole.length;
  const partner = b[partners(a, b)[at] ?? -1];
  return partner === undefined
    ? Math.min(column, whole.length)
    : partner.start + column - word.start;
}

const SOLID = /[\p{ID_Continue}$]+|\S/gu;
/** Of a text of many lines. */
const MAX_SOLID_WORDS = 4_000;

/**
 * The same for a text of many lines that was written anew: white space counts for nothing.
 *
 * @param offset in `left`. @returns the offset of the same word in `whole`; undefined where it does not occur
 */
export function alignOffset(left: string, whole: string, offset: number): number | undefined {
  const a = words(left, SOLID);
  const b = words(whole, SOLID);
  if (a.length > MAX_SOLID_WORDS || b.length > MAX_SOLID_WORDS) return undefined;
  const at = a.findIndex(({ end }) => offset < end);
  return at < 0 ? undefined : b[partners(a, b)[at] ?? -1]?.start;
}

interface Word {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

function words(line: string, word = WORD): Word[] {
  return [...line.matchAll(word)].map(({ 0: text, index: start }) => ({
    text,
    start,
    end: start + text.length,
  }));
}

/** For each word of `a` the index of its partner in `b`, in a longest common subsequence. */
function partners(a: readonly Word[], b: readonly Word[]): (number | undefined)[] {
  const width = b.length + 1;
  // lengths[i * width + j]: of what a from i and b from j have in common.
  const lengths = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const same = a[i]?.text === b[j]?.text;
      lengths[i * width + j] = same ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const found: (number | undefined)[] = [];
  for (let i = 0, j = 0; i < a.length; ) {
    if (a[i]?.text === b[j]?.text) found[i++] = j++;
    else if (j < b.length && at(i, j + 1) >= at(i + 1, j)) j++;
    else i++;
  }
  return found;
}
