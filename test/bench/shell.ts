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

/**
 * Seconds that a line of `sh` takes. @throws {Error} when it fails: what did less than it should is
 * no measure
 */
export async function seconds(line: string): Promise<number> {
  const began = performance.now();
  const child = Bun.spawn(["sh", "-c", line], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const said = await child.stderr.text();
  if ((await child.exited) !== 0) throw new Error(`${line}: ${said.trim()}`);
  return (performance.now() - began) / 1e3;
}

/**
 * Samples of each line, by its name; the first round, in which files come from the disk, is not
 * counted.
 */
export async function race<Name extends string>(
  lab: Lab,
  rounds: number,
  lines: Readonly<Record<Name, string>>,
  before: () => void = () => {},
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
        const taken = await seconds(lines[name]);
        if (round > 0) samples[name].push(taken);
      } catch (error) {
        lab.note(`${name} left a measurement: ${String(error)}`);
      }
    }
  }
  return samples;
}
