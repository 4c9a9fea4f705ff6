/**
 * Maps a column of a line without types to the column in the line with types. Aligns the words that
 * both lines have: erasing types keeps lines, but its maps of columns are not reliable. Knows no
 * language.
 */

const WORD = /[\p{ID_Continue}$]+|\s+|./gsu;
/** The most words of a line: the work grows with their square. A longer line is generated code. */
const MAX_WORDS = 400;

/**
 * Maps a column of `left` to `whole`, by the word around it.
 *
 * @param column in `left`, from 0
 * @returns the column in `whole`, from 0
 */
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
/** The most words of a text of several lines. */
const MAX_SOLID_WORDS = 4_000;

/**
 * Maps an offset in a text of several lines to a text that was formatted anew. Ignores white space.
 *
 * @param offset in `left`
 * @returns the offset of the same word in `whole`; undefined if the word does not occur there
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

/** For each word of `a`, the index of its partner in `b` in a longest common subsequence. */
function partners(a: readonly Word[], b: readonly Word[]): (number | undefined)[] {
  const width = b.length + 1;
  // lengths[i * width + j]: the length of the longest common subsequence of a[i…] and b[j…].
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
