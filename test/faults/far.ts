/**
 * What the fault tests call in a context, language by language: the same children and the same ways
 * to hang (test/fixtures/faults).
 */
import { join } from "node:path";
import type { ConnectOptions } from "../../src/index.ts";
import { ROOT } from "./scene.ts";

export interface Far {
  readonly options: ConnectOptions;
  readonly children: string;
  readonly hang: string;
  readonly pid: string;
  /** How many carry the mark when all runs. */
  readonly marked: (hang: string) => number;
  /** Ways to hang that use the processor. */
  readonly spins: ReadonlySet<string>;
  /** Ways to hang that only the end of the process ends. */
  readonly endless: readonly string[];
  /** Whether a slave without its guard ends what it started. */
  readonly tidies: boolean;
  /** Whether a process beside the slave ends it when it is stopped: its guard cannot. */
  readonly isWatched: boolean;
}

export const python: Far = {
  options: {},
  children: "tasks.children",
  hang: "tasks.hang",
  pid: "os.getpid",
  // The guard, the slave, its fork, a sleep, a shell, and two sleeps of that.
  marked: () => 7,
  spins: new Set(["loop", "stubborn", "c"]),
  endless: ["stubborn", "c"],
  tidies: true,
  isWatched: false,
};

const tasks = join(ROOT, "tasks.cjs");

/** @param options say which */
export function javascript(options: ConnectOptions): Far {
  return {
    options,
    children: `${tasks}:children`,
    hang: `${tasks}:hang`,
    pid: "process.cwd",
    // The slave, a sleep, a shell and its two sleeps, a shell and its sleep; and the command that
    // it waits for. The guard is watched.
    marked: (hang) => (hang === "sleep" ? 8 : 7),
    spins: new Set(["loop", "stubborn", "c"]),
    // A loop cannot catch what ends it.
    endless: ["c"],
    tidies: false,
    isWatched: true,
  };
}
