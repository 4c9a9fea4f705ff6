/**
 * Edits of a source text that keep its lines: what is taken out leaves blanks, what is put in has no line end. So a position in the
 * result is one in the original but for a shift within its line, which `originalColumn` undoes. Knows no syntax.
 */

interface Edit {
  readonly at: number;
  /** Characters of the original that `text` stands for. */
  readonly length: number;
  readonly text: string;
}

export class Edits {
  readonly #source: string;
  readonly #edits: Edit[] = [];
  #before = "";
  #after = "";

  constructor(source: string) {
    this.#source = source;
  }

  /** Where `text` stands in the original, from a position on. */
  find(text: string, from: number): number {
    return this.#source.indexOf(text, from);
  }

  insert(at: number, text: string): void {
    this.#edits.push({ at, length: 0, text });
  }

  /** Put this around the result; the first line stays the first. */
  wrap(before: string, after: string): void {
    this.#before = before;
    this.#after = after;
  }

  /** Put `text` in the place of what has no line end in it. */
  replace(start: number, end: number, text: string): void {
    this.#edits.push({ at: start, length: end - start, text });
  }

  /** Take out, and leave line ends and columns as they are. */
  blank(start: number, end: number): void {
    const text = this.#source.slice(start, end).replace(/[^\r\n\u2028\u2029]/g, " ");
    this.#edits.push({ at: start, length: end - start, text });
  }

  /** The result, and how to find back: from a line (from 1) and a column (from 0) of it to the original's column. */
  apply(): { readonly text: string; originalColumn(line: number, column: number): number } {
    // What is inserted stands in front of what is replaced, and in the order of the calls: sorting is stable.
    const edits = [...this.#edits].sort(
      (a, b) => a.at - b.at || Number(a.length > 0) - Number(b.length > 0),
    );
    edits.unshift({ at: 0, length: 0, text: this.#before });
    let text = "";
    let end = 0;
    for (const edit of edits) {
      text += this.#source.slice(end, edit.at) + edit.text;
      end = edit.at + edit.length;
    }
    text += this.#source.slice(end) + this.#after;
    // Few ask: an error's stack is the only use.
    let shifts: ReadonlyMap<number, readonly Shift[]> | undefined;
    return {
      text,
      originalColumn: (line, column) => {
        shifts ??= findShifts(this.#source, edits);
        return originalColumn(shifts.get(line) ?? [], column);
      },
    };
  }
}

/** Within one line: `after` characters stand for `before`, from `column` of the original on. */
interface Shift {
  readonly column: number;
  readonly before: number;
  readonly after: number;
}

function findShifts(source: string, edits: readonly Edit[]): Map<number, Shift[]> {
  const shifts = new Map<number, Shift[]>();
  let line = 1;
  let lineStart = 0;
  let scanned = 0;
  for (const { at, length, text } of edits) {
    const lineEnds = /\r\n|[\r\n\u2028\u2029]/g;
    lineEnds.lastIndex = scanned;
    for (let found = lineEnds.exec(source); found !== null; found = lineEnds.exec(source)) {
      if (found.index >= at) break;
      line++;
      lineStart = found.index + found[0].length;
      scanned = lineStart;
    }
    if (length === text.length) continue;
    const onLine = shifts.get(line) ?? [];
    onLine.push({ column: at - lineStart, before: length, after: text.length });
    shifts.set(line, onLine);
  }
  return shifts;
}

function originalColumn(shifts: readonly Shift[], column: number): number {
  let delta = 0;
  for (const { column: at, before, after } of shifts) {
    const start = at + delta;
    if (column < start) break;
    if (column < start + after) return at;
    delta += after - before;
  }
  return column - delta;
}
