/**
 * Runs in the master and, joined by scripts/shared-modules.ts, in JavaScript slaves.
 *
 * The names of temporary files, and the removal of stale ones. A name holds the process that
 * writes the file, so the next copy of the same file finds and removes what a killed process left.
 * Spec: docs/protocol.md, "Files". Twin: stage1/python/tier2/atomic_file.py, `StaleFiles`.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, readlinkSync, unlinkSync } from "node:fs";
import { namesOrNone } from "./glob.ts";
import { onDisk } from "./paths.ts";

/** The most bytes of a file's name in a temporary name. The system allows 255 in all. */
const MAX_NAME = 200;

let idSpace: string | undefined;

/**
 * Where this process id is valid: the boot of this machine and the pid namespace of this process.
 * "" if the system does not say.
 */
function pidSpace(): string {
  if (idSpace === undefined) {
    try {
      const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8);
      const [namespace = ""] = /\d+/.exec(readlinkSync("/proc/self/ns/pid")) ?? [];
      idSpace = `-${boot}-${namespace}-`;
    } catch {
      idSpace = "";
    }
  }
  return idSpace;
}

/** The beginning of the temporary names for a file. */
function temporaryPrefix(target: string): string {
  const at = target.lastIndexOf("/") + 1;
  return `${target.slice(0, at)}.${target.slice(at, at + MAX_NAME)}.econtext-`;
}

/** A temporary name that no other copy uses. */
export function temporaryOf(target: string): string {
  const space = pidSpace();
  const owner = space === "" ? "" : `${space}${String(process.pid)}`;
  return `${temporaryPrefix(target)}${randomBytes(4).toString("hex")}${owner}`;
}

/** The temporary name of a file that the next copy may continue. */
export function resumableOf(target: string): string {
  return `${temporaryPrefix(target)}part`;
}

/** Removes a file if it is there. */
export function remove(path: string): void {
  try {
    unlinkSync(onDisk(path));
  } catch {
    // The file does not exist, or the system refuses: the copy itself can still succeed.
  }
}

export class StaleFiles {
  /** Folders that were searched. */
  readonly #seen = new Set<string>();
  /** Paths of stale files, by `temporaryPrefix`. */
  readonly #found = new Map<string, string[]>();

  /** Removes stale temporary files of a file that is about to be written. */
  removeFor(target: string): void {
    const begin = temporaryPrefix(target);
    this.#look(begin.slice(0, begin.lastIndexOf("/") + 1));
    for (const path of this.#found.get(begin) ?? []) remove(path);
    this.#found.delete(begin);
  }

  #look(folder: string): void {
    const space = pidSpace();
    if (this.#seen.has(folder) || space === "") return;
    this.#seen.add(folder);
    for (const name of namesOrNone(folder === "" ? "." : folder)) {
      const [, begin, owner, pid] = /^(\..+\.econtext-)[0-9a-f]{8}(-.+-)(\d+)$/s.exec(name) ?? [];
      if (begin === undefined || owner !== space || isAlive(Number(pid))) continue;
      const paths = this.#found.get(folder + begin) ?? [];
      this.#found.set(folder + begin, [...paths, folder + name]);
    }
  }
}

/** Whether a process runs. A zombie, whose parent has not yet collected its status, does not. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^.*\) [ZX]/s.test(readFileSync(`/proc/${String(pid)}/stat`, "latin1"));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
