/** Output of several targets on one stream: whole lines, each behind its target's name. */
import { neutralise, oneLine } from "../index.ts";

/** What of a line without an end is held before it is printed as one. */
const MAX_LINE_BYTES = 65536;
const NEWLINE = 10;

/** Each line of a text. */
export function prefixed(target: string, text: string): string {
  const lines = text.endsWith("\n") ? text.slice(0, -1) : text;
  return `${lines.replace(/^/gm, () => `${oneLine(target)}: `)}\n`;
}

/** Cuts bytes into lines, whatever their borders. */
export class LinePrefixer {
  readonly #prefix: Uint8Array;
  readonly #neutralised: boolean;
  #rest: Uint8Array = new Uint8Array(0);

  /** @param neutralised for a terminal */
  constructor(target: string, neutralised: boolean) {
    this.#prefix = new TextEncoder().encode(`${oneLine(target)}: `);
    this.#neutralised = neutralised;
  }

  push(chunk: Uint8Array): Uint8Array {
    const data = Buffer.concat([this.#rest, chunk]);
    let end = data.lastIndexOf(NEWLINE) + 1;
    if (data.length - end > MAX_LINE_BYTES) end = data.length;
    this.#rest = data.subarray(end);
    return this.#lines(data.subarray(0, end));
  }

  /** The last line, when it has no end. */
  end(): Uint8Array {
    const rest = this.#rest;
    this.#rest = new Uint8Array(0);
    return this.#lines(rest);
  }

  #lines(data: Uint8Array): Uint8Array {
    const out: Uint8Array[] = [];
    for (let at = 0; at < data.length; ) {
      const found = data.indexOf(NEWLINE, at);
      const end = found < 0 ? data.length : found;
      const line = data.subarray(at, end);
      out.push(this.#prefix, this.#neutralised ? fit(line) : line, Uint8Array.of(NEWLINE));
      at = end + 1;
    }
    return Buffer.concat(out);
  }
}

function fit(line: Uint8Array): Uint8Array {
  return new TextEncoder().encode(neutralise(new TextDecoder().decode(line)));
}
