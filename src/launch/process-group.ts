/**
 * Processes of this machine that are left of a child: those of its process group, or its
 * descendants where it has no group of its own.
 */
import { readdirSync } from "node:fs";
import { statOf } from "../io/process-stat.ts";

/** Milliseconds that processes have to end by themselves. */
const SWEEP_MS = 800;
/** Longest time between two looks. The first ones follow at once: most processes end by then. */
const POLL_MS = 20;

/** A process, and when it was started: another one may get its pid later. */
export interface Descendant {
  readonly pid: number;
  readonly startedAt: string;
}

/** Waits until no process of the group is left. Kills those that do not end by themselves. */
export function sweepGroup(group: number): Promise<void> {
  return sweep((name) => process.kill(-group, name));
}

/**
 * Sends SIGHUP to the processes of a group, as ssh does to its proxy command. Kills those that
 * ignore it.
 */
export function hangUpGroup(group: number): Promise<void> {
  return hangUp((name) => process.kill(-group, name));
}

/** The same to processes. */
export async function hangUpProcesses(processes: readonly Descendant[]): Promise<void> {
  const hangUpOne = ({ pid, startedAt }: Descendant): Promise<void> =>
    hangUp((name) => {
      if (living(pid)?.startedAt !== startedAt) throw new Error("it has ended");
      process.kill(pid, name);
    });
  await Promise.all(processes.map(hangUpOne));
}

/** @returns the children of a process, and theirs; empty where the system does not tell */
export function descendantsOf(pid: number): readonly Descendant[] {
  const all = pids().flatMap((one) => living(one) ?? []);
  const below = (parent: number): Descendant[] =>
    all
      .filter((one) => one.parent === parent)
      .flatMap((one) => [{ pid: one.pid, startedAt: one.startedAt }, ...below(one.pid)]);
  return below(pid);
}

/** @returns undefined where the system cannot tell */
export function parentOf(pid: number): number | undefined {
  return living(pid)?.parent;
}

/** Sends a signal; 0 only looks whether any process is left. @throws none is */
type Send = (name: NodeJS.Signals | 0) => void;

async function hangUp(send: Send): Promise<void> {
  try {
    send("SIGHUP");
  } catch {
    return;
  }
  await sweep(send);
}

async function sweep(send: Send): Promise<void> {
  for (let [left, poll] = [SWEEP_MS, 1]; ; left -= poll, poll = Math.min(2 * poll, POLL_MS)) {
    try {
      send(left > 0 ? 0 : "SIGKILL");
    } catch {
      return;
    }
    if (left <= 0) return;
    await new Promise((resolve) => setTimeout(resolve, poll));
  }
}

function pids(): number[] {
  try {
    return readdirSync("/proc").map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

/** @returns undefined if there is no such process, or it has ended and its parent does not know */
function living(pid: number) {
  const stat = statOf(pid);
  const isDead = stat === undefined || stat.state === "Z" || stat.state === "X";
  return isDead ? undefined : { pid, ...stat };
}
