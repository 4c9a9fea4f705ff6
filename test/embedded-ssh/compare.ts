/**
 * Runs one ssh command line twice, by the system's ssh and by the embedded one, each with files of
 * its own, and tells what came out of both.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EmbeddedSpawner } from "../../src/embedded-ssh/spawner.ts";
import type { ByteChild, Spawner } from "../../src/launch/child.ts";
import { Secret } from "../../src/prompts/secret.ts";
import { ssh } from "../../src/transports/ssh.ts";

export interface Outcome {
  readonly status: number | undefined;
  readonly stdout: string;
  /** The code of the error that the transport makes of its status and its error output. */
  readonly code: string | undefined;
  /** All that was asked, in order. */
  readonly asked: readonly string[];
  /** The known_hosts file afterwards. */
  readonly known: string;
  readonly stderr: string;
}

export interface Run {
  /** Lines of the configuration; `DIR` stands for the run's folder. */
  readonly lines: readonly string[];
  /** More options of the command line. */
  readonly options?: readonly string[];
  readonly destination?: string;
  /** `DIR` stands for the run's folder here, too. */
  readonly command?: string;
  /** What the run's known_hosts holds at first. */
  readonly known?: string;
  /** Answers to questions, one after the other. */
  readonly answers?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const COMMAND = "echo ok; cat; exit 3";

/** @param dir an empty folder, which is made */
export async function withSsh(dir: string, run: Run): Promise<Outcome> {
  const argv = prepare(dir, run);
  const asked = join(dir, "asked");
  const askpass = join(dir, "askpass");
  // Each question takes the next line of the answers.
  writeFileSync(
    askpass,
    `#!/bin/sh\nprintf '%s\\036' "$1" >>${asked}\nread -r line <${dir}/answers || exit 1\n` +
      `sed -i 1d ${dir}/answers\nprintf '%s\\n' "$line"\n`,
  );
  chmodSync(askpass, 0o755);
  writeFileSync(join(dir, "answers"), (run.answers ?? []).map((line) => `${line}\n`).join(""));
  const child = Bun.spawn([...argv], {
    stdio: [Buffer.from("in\n"), "pipe", "pipe"],
    env: { ...process.env, ...run.env, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: "force" },
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const status = await child.exited;
  const questions = existsSync(asked) ? readFileSync(asked, "utf8").split("\x1e").slice(0, -1) : [];
  return outcome(dir, { status, stdout, stderr, asked: questions });
}

export async function withEmbedded(
  dir: string,
  run: Run,
  spawner: Spawner = new EmbeddedSpawner(),
): Promise<Outcome> {
  const argv = prepare(dir, run);
  const answers = [...(run.answers ?? [])];
  const asked: string[] = [];
  const before = { ...process.env };
  Object.assign(process.env, run.env);
  try {
    const child = spawner.spawn(argv, {
      asks: true,
      isClient: true,
      asker: {
        ask: async (prompt) => {
          asked.push(prompt);
          const answer = answers.shift();
          return answer === undefined ? undefined : Secret.of(answer);
        },
      },
    });
    const stdout = await outputOf(child, Buffer.from("in\n"));
    const { status } = await child.ended;
    return outcome(dir, { status, stdout, stderr: child.stderr, asked });
  } finally {
    for (const name of Object.keys(run.env ?? {})) delete process.env[name];
    Object.assign(process.env, before);
  }
}

/** @returns all that a child prints when it is given this input */
export function outputOf(child: ByteChild, input: Uint8Array): Promise<string> {
  const chunks: Uint8Array[] = [];
  const { promise, resolve } = Promise.withResolvers<string>();
  child.listen({
    data: (chunk) => {
      chunks.push(Uint8Array.from(chunk));
      if (Buffer.concat(chunks).includes("in\n")) child.close();
    },
    drained: () => {},
    closed: () => resolve(Buffer.concat(chunks).toString()),
  });
  child.write(input);
  return promise;
}

function prepare(dir: string, run: Run): string[] {
  mkdirSync(dir, { recursive: true });
  const config = join(dir, "config");
  writeFileSync(config, `${run.lines.join("\n").replaceAll("DIR", dir)}\n`);
  writeFileSync(join(dir, "known_hosts"), run.known ?? "");
  const options = ["-F", config, ...(run.options ?? [])];
  const command = (run.command ?? COMMAND).replaceAll("DIR", dir);
  return [...["ssh", ...options, "-T", "--", run.destination ?? "target"], command];
}

function outcome(
  dir: string,
  { status, stdout, stderr, asked }: Pick<Outcome, "status" | "stdout" | "stderr" | "asked">,
): Outcome {
  const shown = (text: string): string => text.replaceAll(dir, "DIR").replaceAll("\r\n", "\n");
  const told = ssh("target").explain(status, stderr);
  return {
    status,
    stdout,
    code: told?.code,
    asked: asked.map(shown),
    known: readFileSync(join(dir, "known_hosts"), "utf8"),
    stderr: shown(stderr),
  };
}
