/** Finds a line in a child's output. What stands before it is noise. */
class Scanner {
  #line;
  #needsStart;
  #seen = Buffer.alloc(0);
  #isStart = true;
  #decoder = new TextDecoder();

  /** @param needsStart the line must begin where a line begins */
  constructor(line, needsStart) {
    this.#line = Buffer.from(`${line}\n`);
    this.#needsStart = needsStart;
  }

  /** @returns the noise as text; and what follows the line, or undefined while it has not come */
  push(chunk) {
    const seen = Buffer.concat([this.#seen, chunk]);
    const line = this.#line;
    let at = seen.indexOf(line);
    while (at >= 0 && !this.#mayBegin(seen, at)) at = seen.indexOf(line, at + 1);
    if (at >= 0) return [this.#text(seen, at), seen.subarray(at + line.length)];
    // The line may have begun.
    let cut = Math.max(0, seen.length - line.length + 1);
    while (
      cut < seen.length &&
      !(line.indexOf(seen.subarray(cut)) === 0 && this.#mayBegin(seen, cut))
    )
      cut++;
    this.#seen = seen.subarray(cut);
    return [this.#text(seen, cut)];
  }

  /** The output is over. @returns the noise that was held back */
  end() {
    return this.#text(this.#seen, this.#seen.length) + this.#decoder.decode();
  }

  #mayBegin(seen, at) {
    return !this.#needsStart || (at ? seen[at - 1] === 10 : this.#isStart);
  }

  #text(seen, end) {
    if (end) this.#isStart = seen[end - 1] === 10;
    return this.#decoder.decode(seen.subarray(0, end), { stream: true });
  }
}
