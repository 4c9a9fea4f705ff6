/**
 * Maps places in the code that a prompt runs to places in the input that was typed: the code is a rewritten
 * input, so its lines differ. The last inputs are kept; a place is looked for only when a stack is read.
 */
import { alignOffset } from "../syntax/line-align.ts";

interface Input {
  readonly source: string;
  readonly code: string;
}

/** Of the last inputs: errors come from these. */
const MAX_INPUTS = 100;
/** In front of what an input is called, in the name of its script. */
const PREFIX = "input:";
const PLACE = /^input:(.*):(\d+):(\d+)$/;

export class InputPlaces {
  readonly #inputs = new Map<string, Input>();

  /** @returns what the script is to be called */
  add(name: string, input: Input): string {
    this.#inputs.set(name, input);
    const [oldest] = this.#inputs.keys();
    if (this.#inputs.size > MAX_INPUTS && oldest !== undefined) this.#inputs.delete(oldest);
    return PREFIX + name;
  }

  /** `[stdin]:3:7`, for a place in the script; undefined where it is in none, or cannot be told. */
  find(place: string): string | undefined {
    const [, name = "", line, column] = PLACE.exec(place) ?? [];
    const input = this.#inputs.get(name);
    if (input === undefined) return undefined;
    const { code, source } = input;
    const offset = offsetOf(code, Number(line), Number(column));
    const at = offset === undefined ? undefined : alignOffset(code, source, offset);
    if (at === undefined) return undefined;
    const lines = source.slice(0, at).split("\n");
    return `${name}:${lines.length}:${(lines.at(-1) ?? "").length + 1}`;
  }
}

/** @param line and column, from 1 */
function offsetOf(text: string, line: number, column: number): number | undefined {
  const lines = text.split("\n");
  if (line > lines.length) return undefined;
  return lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0) + column - 1;
}
