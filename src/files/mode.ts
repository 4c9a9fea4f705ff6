/**
 * Modes and times of what a copy has written. Functions of the system may leave out a part without a word.
 *
 * Runs in this process and, by scripts/stage1.ts, in JavaScript contexts.
 * Twin: stage1/python/tier2/files_writer.py, `set_mode`.
 */
import { chmodSync, fchmodSync, fstatSync, futimesSync, statSync, utimesSync } from "node:fs";
import { Refusal } from "./disk.ts";
import { onDisk } from "./paths.ts";

/** Of a mode, what a copy keeps: permissions, and the setuid, setgid and sticky bits. */
export const KEPT_MODE = 0o7777;
const SPECIAL = [
  [0o4000, "setuid"],
  [0o2000, "setgid"],
  [0o1000, "sticky"],
] as const;

/** @param file its descriptor, or its path. @throws the system's error, or a refusal that names the bits that it leaves out */
export function setMode(file: number | string, mode: number): void {
  const kept = mode & KEPT_MODE;
  if (typeof file === "number") fchmodSync(file, kept);
  else chmodSync(onDisk(file), kept);
  if ((kept & ~0o777) === 0) return;
  const found = typeof file === "number" ? fstatSync(file) : statSync(onDisk(file));
  const lost = SPECIAL.filter(([bit]) => (kept & ~found.mode & bit) !== 0).map(([, name]) => name);
  if (lost.length > 0) throw new Refusal(`copied without ${lost.join(" and ")}: not permitted`);
}

/** @param mtime seconds since 1970. @throws the system's error */
export function setTime(file: number | string, mtime: number): void {
  // As text: a negative number would stand for now.
  const times = [Date.now() / 1000, String(mtime)] as const;
  if (typeof file === "number") futimesSync(file, ...times);
  else utimesSync(onDisk(file), ...times);
}
