/** Texts with a set on each line: files of targets, and what the commands of groups print. */
import { readFileSync, statSync } from "node:fs";
import { UsageError } from "../errors.ts";
import { expand } from "./node-set.ts";
import type { GroupLookup } from "./pattern.ts";
import { MAX_NAMES } from "./ranges.ts";

const MAX_FILE_BYTES = 64 << 20;

export interface TargetFile {
  /** Absolute. */
  readonly file: string;
  /** As it was written. */
  readonly path: string;
  readonly text: string;
}

/** @returns undefined if there is no such file */
export function readText(file: string, path: string): string | undefined {
  try {
    const status = statSync(file, { throwIfNoEntry: false });
    if (status === undefined || status.isDirectory()) return undefined;
    if (status.size > MAX_FILE_BYTES) throw new Error("it is too large for a list of targets");
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOTDIR") return undefined;
    throw new UsageError("ERR_USAGE_TARGET", `${path}: cannot be read: ${message}`);
  }
}

interface Line {
  readonly text: string;
  readonly number: number;
}

/** @returns lines without comments; empty ones are left out */
export function linesOf(text: string): readonly Line[] {
  return text
    .split(/\r?\n/)
    .map((line, at) => ({ text: line.replace(/(?:^|\s)#.*$/, "").trim(), number: at + 1 }))
    .filter((line) => line.text !== "");
}

/** @param isPrinted a command has printed the text */
export function namesOfLines(
  text: string,
  place: string,
  groups: GroupLookup,
  isPrinted = false,
): readonly string[] {
  const lines = linesOf(text);
  const names = new Set<string>();
  for (const line of lines) {
    try {
      for (const name of expand(line.text, { groups })) names.add(name);
    } catch (error) {
      if (!(error instanceof UsageError) || error.code === "ERR_USAGE_CONFIG") throw error;
      const where = isPrinted ? `${place}: line ${line.number} of what its command printed` : place;
      const number = isPrinted || lines.length === 1 ? "" : `:${line.number}`;
      throw new UsageError(error.code, `${where}${number}: ${error.message}`);
    }
    if (names.size > MAX_NAMES) {
      throw new UsageError("ERR_USAGE_TARGET", `${place}: it has more than ${MAX_NAMES} names`);
    }
  }
  return [...names];
}
