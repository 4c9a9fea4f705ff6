/** Runs the programs that the laboratory is made with. */
import { closeSync, openSync, writeSync } from "node:fs";
import { keep } from "../helpers/leaks.ts";

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

/** A program that is not a child of ours: when a test times out, Bun kills every child. */
export interface Detached {
  readonly pid: number;
  /** @returns the next line that it prints; undefined at the end */
  next(): Promise<string | undefined>;
  /** Writes a line to its standard input. */
  write(line: string): void;
  /** Ends its standard input; so does the end of this process. */
  end(): void;
}

/** @param name of a new pipe, its standard input, and with `.log` of a file, its stderr */
export async function startDetached(argv: readonly string[], name: string): Promise<Detached> {
  // A pipe of Bun's would end with the shell.
  await run(["mkfifo", name]);
  const held = openSync(name, "r+");
  const script = '"$@" <"$0" & echo "$!"';
  const shell = Bun.spawn(["sh", "-c", script, name, ...argv], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: Bun.file(`${name}.log`),
  });
  const printed = lines(shell.stdout);
  const next = async () => (await printed.next()).value ?? undefined;
  const pid = Number(await next());
  keep(pid);
  return {
    pid,
    next,
    write: (line) => void writeSync(held, `${line}\n`),
    end: () => closeSync(held),
  };
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const whole = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = whole.pop() ?? "";
    yield* whole;
  }
}
