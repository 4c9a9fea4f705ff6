/** Finds a line in a child's output. What stands before the line is noise. */
class Scanner {
  #line;
  #isWhole;
  #seen = Buffer.alloc(0);
  #isStart = true; // what is seen begins where a line begins
  #decoder = new TextDecoder();

  /**
   * @param isWhole nothing may stand before the text in its line. A carriage return may end it: a
   * terminal adds that.
   */
  constructor(text, isWhole) {
    this.#line = Buffer.from(text);
    this.#isWhole = isWhole;
  }

  /** @returns the noise as text; and what follows the line, or undefined while it has not come */
  push(chunk) {
    const seen = Buffer.concat([this.#seen, chunk]);
    let begin = seen.indexOf(this.#line);
    for (; begin >= 0; begin = seen.indexOf(this.#line, begin + 1)) {
      const end = this.#endOf(seen, begin);
      if (end) return [this.#noise(seen, begin), seen.subarray(end)];
      if (end === undefined) break;
    }
    // The line may have begun.
    begin = Math.max(0, seen.length - this.#line.length - 1);
    while (begin < seen.length && !this.#hasBegun(seen, begin)) begin++;
    this.#seen = seen.subarray(begin);
    return [this.#noise(seen, begin)];
  }

  /** The output is over. @returns the noise that was held back */
  end() {
    return this.#noise(this.#seen, this.#seen.length) + this.#decoder.decode();
  }

  /** @returns where what follows the line begins; 0 if it is not the line; undefined: not known */
  #endOf(seen, begin) {
    if (!this.#mayBegin(seen, begin)) return 0;
    let end = begin + this.#line.length;
    if (this.#isWhole && seen[end] === 13) end++;
    if (end === seen.length) return undefined;
    return seen[end] === 10 ? end + 1 : 0;
  }

  #hasBegun(seen, begin) {
    if (!this.#mayBegin(seen, begin)) return false;
    const rest = seen.subarray(begin);
    const line = this.#line.subarray(0, rest.length);
    if (!rest.subarray(0, line.length).equals(line)) return false;
    return rest.length === line.length || this.#endOf(seen, begin) === undefined;
  }

  #mayBegin(seen, begin) {
    return !this.#isWhole || (begin ? seen[begin - 1] === 10 : this.#isStart);
  }

  #noise(seen, end) {
    if (end) this.#isStart = seen[end - 1] === 10;
    return this.#decoder.decode(seen.subarray(0, end), { stream: true });
  }
}
