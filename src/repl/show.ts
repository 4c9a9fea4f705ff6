/** Values of a prompt as text that is safe for a terminal. */
import { inspect } from "node:util";
import { neutralise } from "../index.ts";

/** Escape sequences that may stay: those for colours. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: this pattern looks for them
const COLOUR = /(\x1b\[\d+(?:;\d+)*m)/;

export function showValue(value: unknown, isColoured: boolean): string {
  return fit(inspect(value, { colors: isColoured, depth: 4, maxStringLength: 10_000 }));
}

function fit(text: string): string {
  return text
    .split(COLOUR)
    .map((part, i) => (i % 2 === 1 ? part : neutralise(part)))
    .join("");
}
