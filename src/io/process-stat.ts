/** What Linux tells of a process of this machine. Other systems have no such file. */
import { readFileSync } from "node:fs";

export interface ProcessStat {
  /** A letter. `Z` and `X`: it has ended, and its parent does not know yet. */
  readonly state: string;
  readonly parent: number;
  /** In the system's ticks. With the pid, it names one process: another may get the pid later. */
  readonly startedAt: string;
}

/** @returns undefined if there is no such process, or the system does not tell */
export function statOf(pid: number): ProcessStat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // After the name, which may hold anything: the state, the parent; the twentieth is the start.
    const words = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state = "", parent] = words;
    return { state, parent: Number(parent), startedAt: words[19] ?? "" };
  } catch {
    return undefined;
  }
}

/** @returns when a process was started, as in `ProcessStat`; "": there is none */
export function startOf(pid: number): string {
  return statOf(pid)?.startedAt ?? "";
}
