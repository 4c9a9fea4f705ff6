/**
 * The lines of what user code prints, from pieces of bytes as the slave has read them. Bytes that
 * are not UTF-8 become U+FFFD.
 */

/** A longer line is cut. */
const MAX_LINE = 262_144;

export class PrintedLines {
  #decoder = new TextDecoder();
  /** The line that has no end yet. */
  #rest = "";

  /** @returns the lines that are complete */
  add(bytes: Uint8Array): string[] {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length <= MAX_LINE) return lines;
    const cut = this.#rest;
    this.#rest = "";
    return [...lines, cut];
  }

  /** @returns the last line, if it has no end */
  end(): string[] {
    const last = this.#rest + this.#decoder.decode();
    this.#rest = "";
    return last === "" ? [] : [last];
  }
}
