/** Values of a prompt as text that is safe for a terminal. */

import { neutralise, ShellCommand, type ShellOutput } from "../index.ts";
import { errorText } from "../traces/error-text.ts";
import { Results } from "./everywhere.ts";

/** Escape sequences that may stay: those for colours. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: this pattern looks for them
const COLOUR = /(\x1b\[\d+(?:;\d+)*m)/;

/** @returns text as it is, what a command printed, other values as `Bun.inspect` shows them */
export function showValue(value: unknown, isColoured: boolean): string {
  if (typeof value === "string") return neutralise(value);
  if (value instanceof Results) return value.text((one) => showValue(one, isColoured));
  if (isOutput(value)) return outputText(value);
  if (isCall(value)) return `Call (${Bun.peek.status(value)})`;
  // As when it was thrown, with the lines of the inputs.
  if (value instanceof Error) return errorText(value);
  if (value instanceof ShellCommand) return "ShellCommand (await it to run it)";
  return fit(Bun.inspect(value, { colors: isColoured, depth: 4 }));
}

/** Calls are promises that can be iterated, too. */
function isCall(value: unknown): value is Promise<unknown> {
  return value instanceof Promise && Object.hasOwn(value, Symbol.asyncIterator);
}

function isOutput(value: unknown): value is ShellOutput {
  if (typeof value !== "object" || value === null) return false;
  const { stdout, stderr, exitCode } = value as Partial<ShellOutput>;
  return typeof stdout === "string" && typeof stderr === "string" && typeof exitCode === "number";
}

function outputText({ stdout, stderr, exitCode, signal }: ShellOutput): string {
  const end = signal === undefined ? `exit ${exitCode}` : signal;
  const status = exitCode === 0 && signal === undefined ? [] : [`(${end})`];
  const parts = [stdout, stderr].map((text) => neutralise(text.replace(/\n$/, "")));
  return [...parts.filter(Boolean), ...status].join("\n");
}

function fit(text: string): string {
  return text
    .split(COLOUR)
    .map((part, i) => (i % 2 === 1 ? part : neutralise(part)))
    .join("");
}
