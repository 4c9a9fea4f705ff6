/**
 * The inputs of earlier sessions, in a file of the user's: an input a line, the newest at the end.
 * Each input is appended when it is entered, so that no end of the session loses it. No function
 * here fails, because history is a convenience.
 */
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** The most inputs that are kept. */
export const MAX_HISTORY = 1000;
/** Stands for the line ends of an input, in the file and in `node:readline`. */
const LINE_END = "\r";

/** @returns the newest first, as `node:readline` keeps them: the lines of each input reversed */
export function readHistory(): string[] {
  try {
    const file = historyFile();
    const all = readFileSync(file, "utf8").split("\n").filter(Boolean);
    const kept = all.slice(-MAX_HISTORY);
    if (all.length > 2 * MAX_HISTORY) shorten(file, kept);
    return kept.map((input) => input.split(LINE_END).reverse().join(LINE_END)).reverse();
  } catch {
    return [];
  }
}

/** Appends an input. Several sessions may do so at the same time. */
export function appendHistory(input: string): void {
  const line = input.trimEnd().replace(/\r\n?|\n/g, LINE_END);
  if (line.trim() === "") return;
  try {
    const file = historyFile();
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    appendFileSync(file, `${line}\n`, { mode: 0o600 });
  } catch {
    // The file cannot be written: the history ends with the session.
  }
}

function shorten(file: string, inputs: readonly string[]): void {
  const fresh = `${file}.${process.pid}`;
  writeFileSync(fresh, inputs.map((input) => `${input}\n`).join(""), { mode: 0o600 });
  renameSync(fresh, file);
}

/** @throws the home folder does not exist: it is not made */
function historyFile(): string {
  const own = process.env["XDG_STATE_HOME"] || undefined;
  const state = own ?? join(realpathSync(homedir()), ".local", "state");
  return join(state, "econtext", "history");
}
