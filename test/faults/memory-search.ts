/** Looks for a text in the memory of a process. Needs Linux, and root or the same account. */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";

const PIECE = 1 << 20;
const PAGE = 4096;
/** Of a page's entry in /proc/PID/pagemap: it is in memory, or swapped out. */
const HELD = 0xc0;

/** @returns how often a text is in the memory that a process may write to */
export function countInMemory(pid: number, text: string): number {
  const memory = openSync(`/proc/${pid}/mem`, "r");
  const pages = openSync(`/proc/${pid}/pagemap`, "r");
  const piece = Buffer.alloc(PIECE + text.length);
  let count = 0;
  for (const line of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
    const [, from = "", to = ""] = /^(\w+)-(\w+) rw/.exec(line) ?? [];
    const end = Number.parseInt(to, 16);
    for (let at = Number.parseInt(from, 16); at < end; at += PIECE) {
      if (!holdsPages(pages, at)) continue;
      const found = piece.subarray(0, readMemory(memory, piece, at, end));
      for (let i = found.indexOf(text); i >= 0; i = found.indexOf(text, i + 1)) count++;
    }
  }
  for (const fd of [memory, pages]) closeSync(fd);
  return count;
}

/**
 * A runtime reserves gigabytes that it never uses. To read such a page would make it.
 *
 * @returns whether the process has a page in the piece, or in the text's length behind it
 */
function holdsPages(pagemap: number, at: number): boolean {
  const entries = Buffer.alloc((PIECE / PAGE + 1) * 8);
  const size = readSync(pagemap, entries, 0, entries.length, (at / PAGE) * 8);
  for (let i = 7; i < size; i += 8) if (((entries[i] ?? 0) & HELD) !== 0) return true;
  return false;
}

/** @returns how many bytes were read: 0 for pages that cannot be read */
function readMemory(memory: number, into: Buffer, at: number, end: number): number {
  try {
    return readSync(memory, into, 0, Math.min(into.length, end - at), at);
  } catch {
    return 0;
  }
}
