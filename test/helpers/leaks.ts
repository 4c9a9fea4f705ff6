/**
 * Which processes of this test run are alive that should not be: slaves (`econtext:` in argv[0])
 * and orphans of any kind. A process is of this run when it descends from the test process, or
 * carries the run's id in its environment, which it inherits; what does not inherit it (sshd's
 * sessions) is given it by the helper that starts it. Needs /proc; finds nothing where there is
 * none.
 */
import { readdirSync, readFileSync } from "node:fs";

/** What the environment of every process of this test run says; `npm test` has set it already. */
export const RUN_ID: string = process.env["ECONTEXT_TEST_RUN"] ?? crypto.randomUUID();
process.env["ECONTEXT_TEST_RUN"] = RUN_ID;

/** Bun.spawn hands down the environment of its own start, without what was set since. */
export function handDownEnvironment(): void {
  const spawn = Bun.spawn;
  const withEnvironment = (...args: unknown[]) => {
    const at = Array.isArray(args[0]) ? 1 : 0;
    const options = args[at] as { env?: unknown } | undefined;
    if (options?.env === undefined) args[at] = { ...options, env: process.env };
    return Reflect.apply(spawn, Bun, args) as unknown;
  };
  Object.assign(Bun, { spawn: withEnvironment });
}

/**
 * On a busy machine even a signal takes its time; a hook may take 5 s. Tests of this file wait for
 * less.
 */
const GRACE_MS = Number(process.env["ECONTEXT_TEST_GRACE_MS"] ?? 4_000);
/** Of the flags in a process's stat. */
const KERNEL_THREAD = 0x0020_0000;
const POLL_MS = 20;

export interface Marked {
  readonly pid: number;
  /** In clock ticks since boot: with the pid it names a process for ever. */
  readonly started: string;
  readonly command: string;
  readonly parent: number;
}

const keeping = new Set<number>();

/** The process may outlive the test that started it: its file ends it in afterAll. */
export function keep(pid: number): void {
  keeping.add(pid);
}

export function kept(pid: number): boolean {
  return keeping.has(pid);
}

/**
 * Processes that are not of this run, and were there before its first test. Each test looks at all
 * processes twice: these are read once.
 */
let strangers: ReadonlySet<string> | undefined;

/** The slaves and orphans of this run, by pid. */
export function marked(): Map<number, Marked> {
  const names = entries();
  strangers =
    strangers === undefined ? strangersAmong(names) : strangers.intersection(new Set(names));
  const known = strangers;
  const all = processes(names.filter((name) => !known.has(name)));
  const found = [...all.values()].filter((one) => {
    if (one.pid === process.pid) return false;
    const slave = one.command.startsWith("econtext:");
    if (!slave && !isOrphan(one, all, known)) return false;
    return carriesRunId(one.pid) || (slave && descends(one, all));
  });
  return new Map(found.map((one) => [one.pid, one]));
}

function strangersAmong(names: readonly string[]): Set<string> {
  const all = processes(names);
  const isOurs = (one: Marked) => descends(one, all) || carriesRunId(one.pid);
  const ours = [...all.values()].filter(isOurs).map(({ pid }) => String(pid));
  return new Set(names).difference(new Set(ours));
}

/** Those of `list` that are still alive after a grace time. */
export async function survivors(list: readonly Marked[]): Promise<Marked[]> {
  const until = performance.now() + GRACE_MS;
  let alive = list.filter(isAlive);
  while (alive.length > 0 && performance.now() < until) {
    await Bun.sleep(POLL_MS);
    alive = alive.filter(isAlive);
  }
  return alive;
}

/**
 * Whether a process runs. Unlike `kill(pid, 0)` this does not take a zombie for one: an orphan that
 * ended stays one until init reaps it, which in some containers takes seconds.
 */
export function isRunning(pid: number): boolean {
  return readProcess(pid) !== undefined;
}

export function isAlive(one: Marked): boolean {
  return readProcess(one.pid)?.started === one.started;
}

export function kill(list: readonly Marked[]): void {
  for (const one of list.filter(isAlive)) process.kill(one.pid, "SIGKILL");
}

export function describeProcess({ pid, parent, command }: Marked): string {
  return `  pid ${String(pid)}, child of ${String(parent)}: ${command}`;
}

/** The children of `pid` and theirs, this moment. */
export function descendants(pid: number): Marked[] {
  const all = processes();
  return [...all.values()].filter((one) => one.pid !== pid && descends(one, all, pid));
}

function processes(names: readonly string[] = entries()): Map<number, Marked> {
  const all = new Map<number, Marked>();
  for (const name of names) {
    const one = readProcess(Number(name));
    if (one !== undefined) all.set(one.pid, one);
  }
  return all;
}

function entries(): string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** undefined for what is gone, and for zombies, which only wait to be reaped. */
function readProcess(pid: number): Marked | undefined {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, "latin1");
    // After the name, which may hold anything: state, parent, … and the start time as the 22nd
    // field.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, parent, started] = [fields[0], Number(fields[1]), fields[19] ?? ""];
    if (state === "Z" || state === "X") return undefined;
    if (Number(fields[6]) & KERNEL_THREAD) return undefined;
    const command = readFileSync(`/proc/${String(pid)}/cmdline`, "utf8").replaceAll("\0", " ");
    return { pid, parent, started, command };
  } catch {
    return undefined;
  }
}

/** Nothing that a test starts is a daemon: a process that lost its parent was left behind. */
function isOrphan(
  { parent }: Marked,
  all: ReadonlyMap<number, Marked>,
  others: ReadonlySet<string>,
): boolean {
  return parent === 1 || (parent !== 0 && !all.has(parent) && !others.has(String(parent)));
}

function descends(one: Marked, all: ReadonlyMap<number, Marked>, from = process.pid): boolean {
  for (let at: Marked | undefined = one; at !== undefined; at = all.get(at.parent)) {
    if (at.pid === from) return true;
  }
  return false;
}

function carriesRunId(pid: number): boolean {
  try {
    const environment = readFileSync(`/proc/${String(pid)}/environ`, "latin1");
    return environment.split("\0").includes(`ECONTEXT_TEST_RUN=${RUN_ID}`);
  } catch {
    return false;
  }
}
