/** Runs the real command line: dist/econtext where it is built, else its source. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pythons } from "../helpers/pythons.ts";

const ROOT = join(import.meta.dir, "../..");
const BINARY = join(ROOT, "dist/econtext");

/** `ECONTEXT_BINARY` names another one. */
export const ECONTEXT: readonly string[] = existsSync(process.env["ECONTEXT_BINARY"] ?? BINARY)
  ? [process.env["ECONTEXT_BINARY"] ?? BINARY]
  : [process.execPath, join(ROOT, "src/cli/main.ts")];

/** The newest Python: what the commands are tested with; versions are conformance's business. */
export const PYTHON: string = pythons().at(-1)?.path ?? "python3";
export const FIXTURES: string = join(ROOT, "test/fixtures/cli");

export interface Run {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

export function start(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd: string = FIXTURES,
) {
  return Bun.spawn([...ECONTEXT, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

export function econtext(...args: string[]): Promise<Run> {
  return econtextIn(FIXTURES, ...args);
}

/** The same in another folder. */
export async function econtextIn(cwd: string, ...args: string[]): Promise<Run> {
  await using child = start(args, {}, cwd);
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return { stdout, stderr, status: child.exitCode };
}

/** A command against `local`, with the options in front. */
export function local(command: string, ...args: string[]): Promise<Run> {
  return econtext(command, "--python", PYTHON, "local", ...args);
}
