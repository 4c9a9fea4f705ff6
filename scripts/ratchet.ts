/**
 * Exceptions of a check: a file of numbers that may only go down. One object a check; in it, one
 * number for each key (a folder, a function) whose problems were there when the check was written.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";

export interface Found {
  /** What the exception is for: a folder, a file, a function. */
  readonly key: string;
  /** What it adds to the number of its key. */
  readonly weight: number;
  /** The line that is printed. */
  readonly text: string;
}

/**
 * Compares what a check found with its exceptions.
 *
 * @param path of the file of exceptions
 * @returns the lines of every key that is above its number, and a line for each exception that
 *   is not needed any more
 */
export function ratchet(path: string, check: string, found: readonly Found[]): string[] {
  const all = JSON.parse(readFileSync(path, "utf8")) as Record<string, Record<string, number>>;
  const allowed = new Map(Object.entries(all[check] ?? {}));
  const sums = new Map<string, number>();
  for (const { key, weight } of found) sums.set(key, (sums.get(key) ?? 0) + weight);
  const above = found.filter(({ key }) => (sums.get(key) ?? 0) > (allowed.get(key) ?? 0));
  const stale = [...allowed.keys()].filter((key) => !sums.has(key));
  const raised = [...new Set(above.map(({ key }) => key))].filter((key) => allowed.has(key));
  return [
    ...above.map(({ text }) => text),
    ...raised.map((key) => `${check}: ${key} has ${sums.get(key)}, and had ${allowed.get(key)}`),
    ...stale.map((key) => `${basename(path)}: ${check}: remove ${key}, which passes now`),
  ];
}
