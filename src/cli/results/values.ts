/** Values of calls as text, below a heading or behind a name. */
import { display, toJson } from "../ui/result.ts";

/** @returns the text of each value, with its newline; nothing prints nothing */
export function valuesText(values: readonly unknown[]): string {
  return values.map(valueText).join("");
}

function valueText(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? String(display(value, false, true)) : `${toJson(value)}\n`;
}
