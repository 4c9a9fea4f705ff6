/** Runs the command line in a folder, as a user does, and collects what it printed. */
import { ECONTEXT } from "../cli/econtext.ts";

interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

/** Runs `econtext ARGS` in `folder` without standard input, and waits for its end. */
export async function runEcontext(folder: string, ...args: readonly string[]): Promise<Finished> {
  await using child = Bun.spawn([...ECONTEXT, ...args], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { stdout, stderr, status: await child.exited };
}
