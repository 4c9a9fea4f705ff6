/**
 * Command lines as a user types them, timed as a whole: ours is the compiled program. They take
 * turns, so that a machine's mood falls on all alike.
 */
import { join } from "node:path";
import type { Lab } from "./lab.ts";

const ROOT = join(import.meta.dirname, "../..");

/** The program as it is now, compiled. @returns its path */
export async function ourProgram(): Promise<string> {
  const build = Bun.spawn([process.execPath, join(ROOT, "scripts/build.ts")], { stdout: "ignore" });
  if ((await build.exited) !== 0) throw new Error("the program cannot be built");
  return join(ROOT, "dist/econtext");
}

/** What a line of `sh` took, in seconds. */
export interface Taken {
  readonly seconds: number;
  /** Of the processors: of all processes that the line started here. */
  readonly processors: number;
}

/** @throws {Error} when it fails: what did less than it should is no measure */
export async function seconds(line: string): Promise<number> {
  return (await timed(line)).seconds;
}

async function timed(line: string): Promise<Taken> {
  const began = performance.now();
  const child = Bun.spawn(["sh", "-c", line], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const said = await child.stderr.text();
  if ((await child.exited) !== 0) throw new Error(`${line}: ${said.trim()}`);
  const taken = (performance.now() - began) / 1e3;
  return { seconds: taken, processors: Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6 };
}

/**
 * Seconds of each line, by its name; the first round, in which files come from the disk, is not
 * counted.
 *
 * @param before is called before each line; @param after, after a line that is counted
 */
export async function race<Name extends string>(
  lab: Lab,
  rounds: number,
  lines: Readonly<Record<Name, string>>,
  before: () => void = () => {},
  after: (name: Name, taken: Taken) => void | Promise<void> = () => {},
): Promise<Record<Name, number[]>> {
  const names = Object.keys(lines) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    number[]
  >;
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      before();
      try {
        const taken = await timed(lines[name]);
        if (round === 0) continue;
        samples[name].push(taken.seconds);
        await after(name, taken);
      } catch (error) {
        lab.note(`${name} left a measurement: ${String(error)}`);
      }
    }
  }
  return samples;
}
