/**
 * How many targets can be worked on at the same time: what this machine can bear, by its
 * processors, its memory, and the limits of this process.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { availableParallelism, freemem } from "node:os";
import { amount } from "../units/amount.ts";

/** One limit of the window, and what it comes from. */
export interface WindowLimit {
  readonly what: "processors" | "memory" | "open files" | "processes";
  /** How many targets it allows. */
  readonly targets: number;
  /** As `2 processors, 32 targets each`. */
  readonly why: string;
}

/** What the machine has; what is not known sets no limit. */
export interface Machine {
  readonly processors: number;
  /** Bytes that can be used now. */
  readonly memory: number;
  /** The most open files of this process. */
  readonly files: number | undefined;
  /** How many more processes this account may start. */
  readonly processes: number | undefined;
}

const TARGETS_PER_PROCESSOR = 32;
/** One ssh client takes 8 MB at most, and a context in this process less than one. */
const BYTES_PER_TARGET = 9 * 2 ** 20;
/** Other programs need memory, too. */
const MEMORY_SHARE = 0.5;
/** Two sockets and a pipe; another while the child is started. */
const FILES_PER_TARGET = 4;
const OTHER_FILES = 64;
/** ssh, and the program of its `ProxyCommand`. */
const PROCESSES_PER_TARGET = 2;

/** @returns the limits, the lowest first: that one is the window */
export function windowLimits(machine: Machine = thisMachine()): readonly WindowLimit[] {
  const { processors, memory, files, processes } = machine;
  const limits: WindowLimit[] = [
    {
      what: "processors",
      targets: processors * TARGETS_PER_PROCESSOR,
      why: `${processors} processors, ${TARGETS_PER_PROCESSOR} targets each`,
    },
    {
      what: "memory",
      targets: Math.floor((memory * MEMORY_SHARE) / BYTES_PER_TARGET),
      why: `half of ${amount(memory)}, ${amount(BYTES_PER_TARGET)} a target`,
    },
  ];
  if (files !== undefined) {
    const targets = Math.floor((files - OTHER_FILES) / FILES_PER_TARGET);
    const why = `${files} open files (ulimit -n), ${FILES_PER_TARGET} a target`;
    limits.push({ what: "open files", targets, why });
  }
  if (processes !== undefined) {
    const targets = Math.floor(processes / PROCESSES_PER_TARGET);
    const why = `${processes} more processes (ulimit -u), ${PROCESSES_PER_TARGET} a target`;
    limits.push({ what: "processes", targets, why });
  }
  return limits
    .map((limit) => ({ ...limit, targets: Math.max(1, limit.targets) }))
    .sort((a, b) => a.targets - b.targets);
}

/** @returns how many targets can be worked on at the same time; at least 1 */
export function defaultWindow(machine?: Machine): number {
  return windowLimits(machine)[0]?.targets ?? 1;
}

function thisMachine(): Machine {
  const limits = readText("/proc/self/limits");
  const processes = softLimit(limits, "Max processes");
  return {
    processors: availableParallelism(),
    memory: availableMemory(),
    files: softLimit(limits, "Max open files"),
    processes: processes === undefined ? undefined : Math.max(0, processes - ownProcesses()),
  };
}

/** A container's limit counts, where it is lower than what the machine has. */
function availableMemory(): number {
  const [, kilobytes] = /^MemAvailable: +(\d+) kB/m.exec(readText("/proc/meminfo")) ?? [];
  const free = kilobytes === undefined ? freemem() : Number(kilobytes) * 1024;
  const most = Number(readText("/sys/fs/cgroup/memory.max"));
  const used = Number(readText("/sys/fs/cgroup/memory.current"));
  return most > 0 ? Math.min(free, Math.max(0, most - used)) : free;
}

/** @returns undefined if there is none, or it is not known */
function softLimit(limits: string, name: string): number | undefined {
  const [, soft] = new RegExp(`^${name} +(\\d+) `, "m").exec(limits) ?? [];
  return soft === undefined ? undefined : Number(soft);
}

/** @returns the number of processes of this account */
function ownProcesses(): number {
  const uid = process.getuid?.();
  const isOwn = (name: string): boolean => {
    try {
      return /^\d+$/.test(name) && statSync(`/proc/${name}`).uid === uid;
    } catch {
      return false;
    }
  };
  try {
    return readdirSync("/proc").filter(isOwn).length;
  } catch {
    return 0;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
