/**
 * The processes of one fault: everything that is started for it carries a mark of its own, so that
 * what is left of it can be found without knowing a pid. Slaves, guards and forks carry it as
 * argv[0], commands as the length of their sleep. Needs /proc.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "../fixtures/faults");
/** A look at all processes takes some milliseconds of the processor. */
const POLL_MS = 20;

export class Scene {
  /** Not to be found anywhere else; a number of seconds that `sleep` takes. */
  readonly duration = `1000.${String(process.pid)}${String(Math.floor(Math.random() * 1e9))}`;
  /** Begins as all of ours do, so that the preload's search for leaks knows it too. */
  readonly argv0 = `econtext:fault-${this.duration}`;

  readonly #watched = new Set<string>();

  /** It belongs to it too, though it carries no mark: a guard that is a shell. */
  watch(pid: number): void {
    this.#watched.add(String(pid));
  }

  /** Processes that carry the mark, as `pid command`; zombies do not count. */
  alive(): string[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => [pid, commandOf(pid)] as const)
      .filter(([pid, command]) => this.#isOurs(pid, command))
      .map(([pid, command]) => `${pid} ${command}`);
  }

  #isOurs(pid: string, command: string): boolean {
    if (command === "" || command.includes("faulty-master")) return false;
    return command.includes(this.duration) || this.#watched.has(pid);
  }

  /** Wait until so many carry the mark: a shell takes a moment to start what it was told to. */
  async populated(count: number): Promise<void> {
    while (this.alive().length < count) await Bun.sleep(POLL_MS);
  }

  /** Waits until a process with the mark has this in its arguments. */
  async includes(text: string): Promise<void> {
    while (!this.alive().some((line) => line.includes(text))) await Bun.sleep(POLL_MS);
  }

  /** Milliseconds until no process carries the mark. */
  async emptied(withinMs: number): Promise<number> {
    const began = performance.now();
    for (;;) {
      const left = this.alive();
      const took = performance.now() - began;
      if (left.length === 0) return took;
      if (took > withinMs) throw new Error(`left after ${withinMs} ms:\n${left.join("\n")}`);
      await Bun.sleep(POLL_MS);
    }
  }

  end(): void {
    for (const line of this.alive()) signal(Number.parseInt(line, 10), "SIGKILL");
  }
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone.
  }
}

/**
 * Whether a process has used `ticks` more of the processor than it has now: it spins. False for one
 * that is gone.
 */
export function spinning(pid: number, ticks = 10): () => boolean {
  const began = ticksOf(pid);
  return () => ticksOf(pid) >= began + ticks;
}

function ticksOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[11]);
  } catch {
    return Number.NaN;
  }
}

/** "" for what is gone, for zombies, and for threads of the kernel. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
