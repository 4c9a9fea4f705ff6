/** Values and errors of a prompt as text that is fit for a terminal. */
import { dirname } from "node:path";
import { inspect } from "node:util";
import { neutralise } from "../index.ts";
import { InputError } from "./source.ts";

/** What of it only colours may stay. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const COLOUR = /(\x1b\[\d+(?:;\d+)*m)/;

/** Where this program runs from its source. */
const OWN = `${dirname(import.meta.dir)}/`;

export function showValue(value: unknown, isColoured: boolean): string {
  return fit(inspect(value, { colors: isColoured, depth: 4, maxStringLength: 10_000 }));
}

/** An error of the input's own: where it came from, as far as that is the user's. */
export function showError(error: unknown): string {
  if (!(error instanceof Error)) return fit(`thrown: ${inspect(error)}`);
  if (error instanceof InputError) return neutralise(`SyntaxError: ${error.message}`);
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const head = error.message === "" ? error.name : `${error.name}: ${error.message}`;
  return neutralise([head, ...frames.filter(isOfTheUser)].join("\n"));
}

/** Lines of an input are not where its frames say: it was rewritten. */
function isOfTheUser(frame: string): boolean {
  if (!/[\\/]/.test(frame) || /\$bunfs|\bnode:|\binternal:|\brepl:\d|\(unknown\)/.test(frame)) {
    return false;
  }
  return !frame.includes(OWN);
}

function fit(text: string): string {
  return text
    .split(COLOUR)
    .map((part, i) => (i % 2 === 1 ? part : neutralise(part)))
    .join("");
}
