/**
 * Maps positions in the code that a prompt runs, here or elsewhere, to positions in the typed
 * input. The code is a rewritten input, so its lines differ. Only the last inputs are kept. A
 * position is mapped when a stack is read.
 */
import { alignOffset } from "../syntax/line-align.ts";

interface Input {
  /** As it was typed. */
  readonly source: string;
  /** Without types. */
  readonly code: string;
  /** As it runs here, with guards. */
  readonly running: string;
}

/** A part of a text that was sent, which is a function of an input. */
export interface SentPart {
  /** The name of the input. */
  readonly input: string;
  /** The offset of the function in the input's code. */
  readonly start: number;
  /** The function's text in that code. */
  readonly text: string;
  /** The offset of that text, perhaps rewritten, in the text that was sent. */
  readonly at: number;
  readonly sent: string;
}

/** The number of inputs, and of texts that were sent, that are kept. */
const MAX_KEPT = 100;
/** The prefix of an input's name, in the name of its script. */
const PREFIX = "input:";
const PLACE = /^input:(.*):(\d+):(\d+)$/;
const SENT = /^\/sent-(\d+):(\d+):(\d+)$/;

interface SentText {
  readonly text: string;
  readonly parts: readonly SentPart[];
}

export class InputPlaces {
  readonly #inputs = new Map<string, Input>();
  readonly #sent = new Map<number, SentText>();
  #lastSent = 0;

  /** Adds an input. @returns the name for its script */
  add(name: string, input: Input): string {
    keep(this.#inputs, name, input);
    return PREFIX + name;
  }

  /**
   * Adds a text that is sent.
   *
   * @returns the text with a last line that names it in stacks, as that of a module's function
   */
  addSent(text: string, parts: readonly SentPart[]): string {
    keep(this.#sent, ++this.#lastSent, { text, parts });
    return `${text}\n//# sourceURL=master:/sent-${this.#lastSent}#1,0`;
  }

  /**
   * A position such as `[stdin]:3:7` for one in a script; undefined if it is in no input or
   * unknown.
   */
  find(place: string): string | undefined {
    const [, name = "", line, column] = PLACE.exec(place) ?? [];
    const input = this.#inputs.get(name);
    if (input === undefined) return this.#findSent(place);
    const offset = offsetOf(input.running, Number(line), Number(column));
    return offset === undefined ? undefined : positionIn(name, input, input.running, offset);
  }

  #findSent(place: string): string | undefined {
    const [, number, line, column] = SENT.exec(place) ?? [];
    const { text = "", parts = [] } = this.#sent.get(Number(number)) ?? {};
    const offset = offsetOf(text, Number(line), Number(column));
    if (offset === undefined) return undefined;
    const part = parts.find(({ at, sent }) => offset >= at && offset < at + sent.length);
    const input = part && this.#inputs.get(part.input);
    if (part === undefined || input === undefined) return undefined;
    const inPart = alignOffset(part.sent, part.text, offset - part.at);
    if (inPart === undefined) return undefined;
    return positionIn(part.input, input, input.code, part.start + inPart);
  }
}

/** Adds to a map, and removes its oldest entry if there are too many. */
function keep<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > MAX_KEPT && oldest !== undefined) map.delete(oldest);
}

/** @param offset in `code`, a form of the input */
function positionIn(
  name: string,
  { source }: Input,
  code: string,
  offset: number,
): string | undefined {
  const at = alignOffset(code, source, offset);
  if (at === undefined) return undefined;
  const lines = source.slice(0, at).split("\n");
  return `${name}:${lines.length}:${(lines.at(-1) ?? "").length + 1}`;
}

/** @param line and column, from 1 */
function offsetOf(text: string, line: number, column: number): number | undefined {
  const lines = text.split("\n");
  if (!(line <= lines.length)) return undefined;
  return lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0) + column - 1;
}
