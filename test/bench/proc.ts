/**
 * What /proc tells of processes: memory, processor time and descent. Linux only; elsewhere every
 * answer is NaN or empty.
 */
import { readdirSync, readFileSync } from "node:fs";

/** /proc counts in kB of 1024 bytes: `VmRSS: 12288 kB` is 12. */
const KB_IN_MB = 1024;
const TICKS = 100;

export type Memory = "VmRSS" | "VmHWM" | "Pss";

export function memoryMb(pid: number, what: Memory): number {
  const file = what === "Pss" ? "smaps_rollup" : "status";
  const found = new RegExp(`^${what}:\\s+(\\d+)`, "m").exec(read(`/proc/${String(pid)}/${file}`));
  return Number(found?.[1] ?? Number.NaN) / KB_IN_MB;
}

/**
 * All that descends from `ancestor`, and whatever says in its name that it belongs to it though it
 * was adopted by init.
 */
export function belongings(ancestor: number): number[] {
  const parents = new Map<number, number>();
  for (const pid of pids()) {
    const stat = read(`/proc/${String(pid)}/stat`);
    parents.set(pid, Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
  }
  const descends = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent === ancestor || (parent !== undefined && parent > 1 && descends(parent));
  };
  const named = new RegExp(`^econtext:[^\\0]*:${String(ancestor)}\\0`);
  return [...parents.keys()].filter(
    (pid) => descends(pid) || named.test(read(`/proc/${String(pid)}/cmdline`)),
  );
}

/** The processor time that a process has used so far, in seconds. Linux counts hundredths. */
export function processorSeconds(pid: number): number {
  const stat = read(`/proc/${String(pid)}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS;
}

/** The processor time of all processes that have ended and were waited for by this one. */
export function childrenSeconds(pid: number): number {
  const stat = read(`/proc/${String(pid)}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13] ?? 0) + Number(fields[14] ?? 0)) / TICKS;
}

/** Every process whose program has one of these names. */
export function processesOf(...names: readonly string[]): number[] {
  return pids().filter((pid) => names.includes(read(`/proc/${String(pid)}/comm`).trim()));
}

function pids(): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
