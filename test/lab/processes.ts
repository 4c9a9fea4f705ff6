/** Runs the programs that the laboratory is made with. */

/**
 * Runs a program to its end.
 *
 * @returns what it printed
 * @throws with its stderr, if it failed
 */
export async function run(argv: readonly string[], input = ""): Promise<string> {
  const child = Bun.spawn([...argv], { stdin: Buffer.from(input), stdout: "pipe", stderr: "pipe" });
  const [printed, said] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const status = await child.exited;
  if (status !== 0) throw new Error(`${argv.join(" ")}: status ${String(status)}: ${said.trim()}`);
  return printed;
}

/** A process for `nsenter`, or this one. */
export type Pid = number | "self";

/** Runs `ip` with lines of commands in the network namespace of a process. */
export async function ip(pid: Pid, ...lines: string[]): Promise<void> {
  const there = pid === "self" ? [] : ["nsenter", "-t", String(pid), "-n"];
  await run([...there, "ip", "-batch", "-"], `${lines.join("\n")}\n`);
}
