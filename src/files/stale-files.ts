/**
 * The names of files that are being written, and what is left of them by processes that were killed: such a name says whose it is, so that the
 * next copy of the same file finds it and removes it. Spec: docs/protocol.md, "Files".
 *
 * Runs in this process and, by scripts/stage1.ts, in JavaScript contexts.
 * Twin: stage1/python/tier2/files_writer.py, `Leftovers`.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, readlinkSync, unlinkSync } from "node:fs";
import { namesIn } from "./glob.ts";
import { onDisk } from "./paths.ts";

/** Of the 255 bytes that a name may have, to leave room for what is around it. */
const MAX_NAME = 200;

let home: string | undefined;

/** Where our process id means us: this start of this machine, and the process ids of this container; "" where that cannot be told. */
function whereWeAre(): string {
  if (home === undefined) {
    try {
      const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8);
      const [space = ""] = /\d+/.exec(readlinkSync("/proc/self/ns/pid")) ?? [];
      home = `-${boot}-${space}-`;
    } catch {
      home = "";
    }
  }
  return home;
}

/** The name of what is not finished yet, up to its end. */
function besides(target: string): string {
  const at = target.lastIndexOf("/") + 1;
  return `${target.slice(0, at)}.${target.slice(at, at + MAX_NAME)}.econtext-`;
}

/** A name that no other copy takes. */
export function temporaryOf(target: string): string {
  const where = whereWeAre();
  const owner = where === "" ? "" : `${where}${String(process.pid)}`;
  return `${besides(target)}${randomBytes(4).toString("hex")}${owner}`;
}

/** The name that the next copy goes on with. */
export function resumableOf(target: string): string {
  return `${besides(target)}part`;
}

export function remove(path: string): void {
  try {
    unlinkSync(onDisk(path));
  } catch {
    // There is none.
  }
}

export class Leftovers {
  /** Folders that were looked through. */
  readonly #seen = new Set<string>();
  /** By what they begin with. */
  readonly #found = new Map<string, string[]>();

  /** Of what is about to be written. */
  removeOf(target: string): void {
    const begin = besides(target);
    this.#look(begin.slice(0, begin.lastIndexOf("/") + 1));
    for (const path of this.#found.get(begin) ?? []) remove(path);
    this.#found.delete(begin);
  }

  #look(folder: string): void {
    const where = whereWeAre();
    if (this.#seen.has(folder) || where === "") return;
    this.#seen.add(folder);
    for (const name of namesHere(folder === "" ? "." : folder)) {
      const [, begin, owner, pid] = /^(\..+\.econtext-)[0-9a-f]{8}(-.+-)(\d+)$/s.exec(name) ?? [];
      if (begin === undefined || owner !== where || isAlive(Number(pid))) continue;
      const paths = this.#found.get(folder + begin) ?? [];
      this.#found.set(folder + begin, [...paths, folder + name]);
    }
  }
}

/** None where they may not be listed. */
function namesHere(folder: string): string[] {
  try {
    return namesIn(folder);
  } catch {
    return [];
  }
}

/** One that is dead, and that nobody has asked for its status yet, is not. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^.*\) [ZX]/s.test(readFileSync(`/proc/${String(pid)}/stat`, "latin1"));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
