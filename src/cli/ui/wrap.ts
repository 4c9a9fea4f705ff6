/** Breaks long lines between words for a terminal. Knows no command. */
import type { Output } from "../host.ts";

/** In fewer columns, a line is hard to read: the terminal breaks it instead. */
const LEAST_COLUMNS = 20;

/**
 * Breaks each line that a terminal would break within a word. Text for a file stays as it is, so
 * that other programs find one line for each failure.
 *
 * @param text harmless for a terminal, and without colours
 * @param hanging columns before the second part of a line; default: two more than before the first
 */
export function wrapFor(to: Output, text: string, hanging?: number): string {
  return to.isTerminal ? wrap(text, to.screen().columns, hanging) : text;
}

/** As `wrapFor`, for so many columns. */
export function wrap(text: string, columns: number, hanging?: number): string {
  return text
    .split("\n")
    .map((line) => wrapLine(line, columns, hanging))
    .join("\n");
}

function wrapLine(line: string, columns: number, hanging: number | undefined): string {
  if (Bun.stringWidth(line) <= columns) return line;
  const [lead = ""] = /^ */.exec(line) ?? [];
  const indent = hanging ?? lead.length + 2;
  if (columns - indent < LEAST_COLUMNS) return line;
  const lines: string[] = [];
  let current = "";
  // The spaces before a word belong to the word, unless a line begins with it.
  for (const word of pieces(line, columns - indent)) {
    if (current.trim() === "" || Bun.stringWidth(current + word.trimEnd()) <= columns) {
      current += word;
      continue;
    }
    lines.push(current);
    current = " ".repeat(indent) + word.trimStart();
  }
  return [...lines, current].join("\n");
}

/** @returns the words with the spaces before them; a word that no line holds ends at its commas */
function pieces(line: string, columns: number): string[] {
  const words = line.match(/ *[^ ]+/g) ?? [line];
  return words.flatMap((word) =>
    Bun.stringWidth(word.trimStart()) <= columns ? [word] : word.split(/(?<=,)/),
  );
}
