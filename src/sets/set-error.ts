/** The error of a set of targets: what is wrong, the place in the text, and what to write. */
import { UsageError } from "../errors.ts";

/** Characters of the text that are shown before and after the place. */
const SHOWN = 60;

const FORMS =
  "web[01-20,30], web[1-9/2], {web,db}1, @group, a,b (and), a!b (without), a&b (in both)";

/** @param at characters before the place. @returns `ERR_USAGE_TARGET` */
export function refusedSet(text: string, at: number, problem: string, hint = FORMS): UsageError {
  const from = Math.max(0, at - SHOWN);
  const [head, tail] = [from > 0 ? "…" : "", at + SHOWN < text.length ? "…" : ""];
  const shown = `${head}${text.slice(from, at + SHOWN)}${tail}`;
  // As a text of JSON, so that no control character reaches the terminal.
  const before = JSON.stringify(head + text.slice(from, at)).length - 1;
  const lines = [
    `not a set of targets: ${problem}`,
    `  ${JSON.stringify(shown)}`,
    `  ${" ".repeat(before)}^`,
    `  try: ${hint}`,
  ];
  return new UsageError("ERR_USAGE_TARGET", lines.join("\n"));
}
