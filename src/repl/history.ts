/**
 * The lines of earlier sessions, in a file of the user's, the last one first as in node:readline.
 * No function here fails, because history is a convenience.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** The most lines that are kept. */
export const MAX_HISTORY = 1000;

export function readHistory(): string[] {
  try {
    const lines = readFileSync(historyFile(), "utf8").split("\n");
    return lines.filter((line) => line !== "").slice(0, MAX_HISTORY);
  } catch {
    return [];
  }
}

/** Writes the whole file at once. If two sessions end together, one history is kept. */
export function writeHistory(lines: readonly string[]): void {
  const file = historyFile();
  const fresh = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(fresh, lines.map((line) => `${line}\n`).join(""), { mode: 0o600 });
    renameSync(fresh, file);
  } catch {
    // The file cannot be written: the history ends with the session.
  }
}

function historyFile(): string {
  const state = process.env["XDG_STATE_HOME"] || join(homedir(), ".local", "state");
  return join(state, "econtext", "history");
}
