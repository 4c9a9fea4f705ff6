/**
 * What /proc tells of processes: memory and descent. Linux only; elsewhere every answer is NaN or
 * empty.
 */
import { readdirSync, readFileSync } from "node:fs";

/** /proc counts in kB of 1024 bytes: `VmRSS: 12288 kB` is 12. */
const KB_IN_MB = 1024;

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
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = read(`/proc/${entry}/stat`);
    parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
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

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
