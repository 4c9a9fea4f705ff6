/**
 * Keeps small what of the program's own file is in memory while much goes through: the system maps fifteen pages around each that is used, and what
 * was of use at the start stays. What is given back is read again from the system's cache where it is needed.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { dropPages } from "./libc.ts";

/** Bytes that go through in between: so it costs next to nothing. */
const INTERVAL_BYTES = 1 << 25;

let left = 0;
let code: readonly (readonly [begin: number, bytes: number])[] | undefined;

/** So many bytes went through. */
export function wentThrough(bytes: number): void {
  left -= bytes;
  if (left > 0) return;
  left = INTERVAL_BYTES;
  code ??= findCode();
  for (const [begin, size] of code) dropPages(begin, size);
}

/** Where the program's instructions are: nothing is ever written there. Linux; elsewhere nowhere. */
function findCode(): [number, number][] {
  try {
    const program = readlinkSync("/proc/self/exe");
    const lines = readFileSync("/proc/self/maps", "latin1").split("\n");
    return lines.flatMap((line) => {
      const [, from, to, path] = /^(\w+)-(\w+) r-xp (?:\S+ +){3}(.*)$/.exec(line) ?? [];
      if (from === undefined || to === undefined || path !== program) return [];
      const begin = Number.parseInt(from, 16);
      return [[begin, Number.parseInt(to, 16) - begin]];
    });
  } catch {
    return [];
  }
}
