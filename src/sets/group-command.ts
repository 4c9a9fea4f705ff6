/** Runs the command of a group, which prints names of targets. */
import { UsageError } from "../errors.ts";
import { ENDING } from "../io/ending-signals.ts";
import { neutralise } from "../text.ts";

/** Milliseconds that a command has. */
const LIMIT_MS = 30_000;
/** More than a million names of usual length. */
const MAX_BYTES = 64 << 20;
/** Characters of its stderr that an error shows. */
const SHOWN = 500;

export interface CommandPlace {
  readonly folder?: string;
  readonly place?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * @returns what the command prints
 * @throws {UsageError} `ERR_USAGE_CONFIG`: it failed, or has not ended in time
 */
export async function runGroupCommand(
  command: string,
  { folder = ".", place = "a group", env }: CommandPlace,
  limitMs = LIMIT_MS,
): Promise<string> {
  const child = Bun.spawn(["/bin/sh", "-c", command], {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: folder,
    env: { ...env },
    // So that it ends with its children.
    detached: true,
  });
  const release = killedBySignals(child);
  const [printed, said] = [new Reading(child.stdout), new Reading(child.stderr)];
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(
    () => late.resolve(`it has not ended within ${limitMs / 1000} s`),
    limitMs,
  );
  // Children of the command may hold its output open when it has ended.
  const ended = Promise.all([printed.whole, said.whole, child.exited]).then(() => endOf(child));
  const problem = await Promise.race([ended, late.promise, printed.tooMuch, said.tooMuch]);
  clearTimeout(timer);
  release();
  if (problem === undefined) return printed.text;
  kill(child);
  const reason = neutralise(said.text.trim().slice(-SHOWN));
  const lines = [`${place}: ${JSON.stringify(command)}: ${problem}`, ...reason.split("\n")];
  throw new UsageError("ERR_USAGE_CONFIG", lines.filter((line) => line !== "").join("\n  "));
}

/**
 * Ends a command with this process: it is in no process group of a terminal.
 *
 * @returns what takes that back
 */
function killedBySignals(child: Bun.Subprocess): () => void {
  const release = (): void => {
    for (const name of ENDING) process.off(name, end);
  };
  const end = (name: NodeJS.Signals): void => {
    kill(child);
    release();
    // By default the signal ends this process.
    if (process.listenerCount(name) === 0) process.kill(process.pid, name);
  };
  for (const name of ENDING) process.on(name, end);
  return release;
}

function kill({ pid }: Bun.Subprocess): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

/** @returns undefined if the command was successful */
function endOf({ exitCode, signalCode }: Bun.Subprocess): string | undefined {
  if (exitCode === 0) return undefined;
  return signalCode === null ? `it ended with status ${exitCode}` : `it ended by ${signalCode}`;
}

/** What a stream has brought so far. */
class Reading {
  readonly #chunks: Uint8Array[] = [];
  readonly #full = Promise.withResolvers<string>();
  readonly whole: Promise<void>;
  readonly tooMuch = this.#full.promise;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.whole = this.#read(stream);
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    let size = 0;
    for await (const chunk of stream) {
      this.#chunks.push(chunk);
      size += chunk.length;
      if (size <= MAX_BYTES) continue;
      this.#full.resolve("it printed too much for a list of targets");
      return;
    }
  }
}
