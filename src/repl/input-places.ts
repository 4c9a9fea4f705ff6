/**
 * Maps positions in the code that a prompt runs to positions in the typed input. The code is a
 * rewritten input, so its lines differ. Only the last inputs are kept. A position is mapped when a
 * stack is read.
 */
import { alignOffset } from "../syntax/line-align.ts";

interface Input {
  readonly source: string;
  readonly code: string;
}

/** The number of inputs that are kept. */
const MAX_INPUTS = 100;
/** The prefix of an input's name, in the name of its script. */
const PREFIX = "input:";
const PLACE = /^input:(.*):(\d+):(\d+)$/;

export class InputPlaces {
  readonly #inputs = new Map<string, Input>();

  /** Adds an input. @returns the name for its script */
  add(name: string, input: Input): string {
    this.#inputs.set(name, input);
    const [oldest] = this.#inputs.keys();
    if (this.#inputs.size > MAX_INPUTS && oldest !== undefined) this.#inputs.delete(oldest);
    return PREFIX + name;
  }

  /**
   * A position such as `[stdin]:3:7` for one in a script; undefined if it is in no input or
   * unknown.
   */
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
