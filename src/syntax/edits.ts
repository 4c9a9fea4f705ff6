/**
 * Edits of a source text that keep its lines: removed text leaves blanks, inserted text has no line
 * end. A position in the result differs from the original one only by a shift within its line,
 * which `originalColumn` undoes. Knows no syntax.
 */

interface Edit {
  readonly at: number;
  /** The number of characters of the original that `text` replaces. */
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

  /** The position of `text` in the original, at or after `from`; -1 if there is none. */
  find(text: string, from: number): number {
    return this.#source.indexOf(text, from);
  }

  insert(at: number, text: string): void {
    this.#edits.push({ at, length: 0, text });
  }

  /** Puts text around the result. `before` must not hold a line end. */
  wrap(before: string, after: string): void {
    this.#before = before;
    this.#after = after;
  }

  /** Replaces text that holds no line end. */
  replace(start: number, end: number, text: string): void {
    this.#edits.push({ at: start, length: end - start, text });
  }

  /** Replaces text by spaces; line ends stay. */
  blank(start: number, end: number): void {
    const text = this.#source.slice(start, end).replace(/[^\r\n\u2028\u2029]/g, " ");
    this.#edits.push({ at: start, length: end - start, text });
  }

  /**
   * The edited text, and a function from its positions to the original column. Lines count from 1,
   * columns from 0.
   */
  apply(): { readonly text: string; originalColumn(line: number, column: number): number } {
    // At one position, insertions come before replacements, in the order of the calls.
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
    // Computed on first use: only the stack of an error needs it.
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

/** In one line, `after` characters replace `before` ones at `column` of the original. */
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
