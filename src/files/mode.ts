/**
 * Runs in the master and, joined by scripts/shared-modules.ts, in JavaScript slaves.
 *
 * Sets modes and times of copied files. chmod(2) may drop bits without an error, so the mode is
 * read back. Twin: stage1/python/tier2/atomic_file.py, `set_mode`.
 */
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fstatSync,
  futimesSync,
  statSync,
  utimesSync,
} from "node:fs";
import { FileProblem, openPlain } from "./disk.ts";
import { onDisk } from "./paths.ts";

/** The bits of a mode that a copy keeps: permissions, setuid, setgid and sticky. */
export const KEPT_MODE = 0o7777;
const SPECIAL = [
  [0o4000, "setuid"],
  [0o2000, "setgid"],
  [0o1000, "sticky"],
] as const;

/**
 * Sets the kept bits of a mode.
 *
 * @param file a descriptor or a path
 * @throws {FileProblem} the system dropped bits, which the message names; or the system's error
 */
export function setMode(file: number | string, mode: number): void {
  const kept = mode & KEPT_MODE;
  if (typeof file === "number") fchmodSync(file, kept);
  else chmodSync(onDisk(file), kept);
  if ((kept & ~0o777) === 0) return;
  const found = typeof file === "number" ? fstatSync(file) : statSync(onDisk(file));
  const lost = SPECIAL.filter(([bit]) => (kept & ~found.mode & bit) !== 0).map(([, name]) => name);
  if (lost.length > 0) throw new FileProblem(`copied without ${lost.join(" and ")}: not permitted`);
}

/** Sets the modification time. @param mtime seconds since 1970. @throws the system's error */
export function setTime(file: number | string, mtime: number): void {
  // Passed as text, because node:fs takes a negative number for the current time.
  const times = [Date.now() / 1000, String(mtime)] as const;
  if (typeof file === "number") futimesSync(file, ...times);
  else utimesSync(onDisk(file), ...times);
}

/** Gives a file that is there already the mode and time of its source. */
export function adjust(path: string, mode: number, mtime: number): void {
  const fd = openPlain(path);
  try {
    if (!fstatSync(fd).isFile()) throw new FileProblem("not a regular file");
    setTime(fd, mtime);
    setMode(fd, mode);
  } finally {
    closeSync(fd);
  }
}
