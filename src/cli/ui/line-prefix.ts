/** Output of several targets on one stream: whole lines, each after the name of its target. */
import { visible } from "./visible-bytes.ts";

/** Longer lines are cut: a target that prints no line ends must not fill the memory. */
const MAX_LINE_BYTES = 1 << 20;
const NEWLINE = 10;
const END = Uint8Array.of(NEWLINE);

/** Puts a text before each line of a stream of bytes. Lines come out when they end. */
export class LinePrefixer {
  readonly #prefix: Uint8Array;
  readonly #neutralised: boolean;
  /** The unfinished line: its parts, their bytes, and the bytes that were cut. */
  #parts: Uint8Array[] = [];
  #size = 0;
  #dropped = 0;

  /**
   * @param prefix the name of a target, made harmless
   * @param neutralised control characters of the lines are made harmless for a terminal
   */
  constructor(prefix: string, neutralised: boolean) {
    this.#prefix = encode(prefix);
    this.#neutralised = neutralised;
  }

  /** @param chunk is the caller's again afterwards. @returns the lines that end in it */
  push(chunk: Uint8Array): Uint8Array {
    const lines: Uint8Array[] = [];
    let at = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, at)) {
      this.#add(chunk.subarray(at, end));
      lines.push(...this.#line());
      at = end + 1;
    }
    const whole = Buffer.concat(lines);
    this.#add(chunk.slice(at));
    return whole;
  }

  /** @returns the last line, if it has no end */
  end(): Uint8Array {
    return this.#size === 0 ? new Uint8Array(0) : Buffer.concat(this.#line());
  }

  #add(part: Uint8Array): void {
    const kept = part.subarray(0, MAX_LINE_BYTES - this.#size);
    this.#dropped += part.length - kept.length;
    this.#size += kept.length;
    if (kept.length > 0) this.#parts.push(kept);
  }

  #line(): Uint8Array[] {
    const mark = this.#dropped === 0 ? [] : [encode(` [... ${this.#dropped} more bytes]`)];
    const parts = this.#neutralised ? [fit(this.#parts)] : this.#parts;
    this.#parts = [];
    this.#size = 0;
    this.#dropped = 0;
    return [this.#prefix, ...parts, ...mark, END];
  }
}

function fit(line: readonly Uint8Array[]): Uint8Array {
  return encode(visible(Buffer.concat(line)));
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
