/**
 * A child process as a pipe: spawns an argument vector, keeps the tail of its stderr, knows how it ended.
 * Knows nothing of what is said over the pipe.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Pipe, PipeListener } from "../pipe.ts";

const TAIL_BYTES = 32768;
/** How long what an ended process has written may take to be read. */
const DRAIN_MS = 250;

/** How a child ended: an exit status, a signal's name, or why it could not be started at all. */
export interface Ending {
  readonly status?: number | undefined;
  readonly signal?: string | undefined;
  readonly spawnError?: Error | undefined;
}

/** What a terminal sends is ours to act on, or for the command that the child carries: ssh keeps ignoring what it was told to ignore. */
const DEAF = 'trap "" INT QUIT TSTP;exec "$@"';

export class Child implements Pipe {
  readonly argv: readonly string[];
  /** Resolves when the process has ended and stdout and stderr are read to their ends; never rejects. */
  readonly ended: Promise<Ending>;
  readonly #process: ChildProcess;
  #stderr = "";
  #listener: PipeListener | undefined;
  #alive = true;
  #closed = false;

  /** @param own in a session of its own, so that ctrl-C is for us to act on */
  constructor(argv: readonly string[], own: boolean) {
    this.argv = argv;
    const [program = "", ...rest] = own ? argv : deaf(argv);
    this.#process = spawn(program, rest, { stdio: ["pipe", "pipe", "pipe"], detached: own });
    const { stdin, stdout, stderr } = this.#process;
    stderr?.setEncoding("utf8");
    stderr?.on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-TAIL_BYTES);
    });
    this.ended = new Promise((resolve) => {
      this.#process.on("error", (spawnError) => {
        this.#alive = false;
        resolve({ spawnError });
      });
      // Somebody may hold its pipes open after it. What it wrote is read by then; nothing more is to come.
      this.#process.once("exit", (status, signal) => {
        this.#alive = false;
        setTimeout(() => {
          this.close();
          resolve({ status: status ?? undefined, signal: signal ?? undefined });
        }, DRAIN_MS);
      });
      this.#process.once("close", (status, signal) => {
        this.#alive = false;
        resolve({ status: status ?? undefined, signal: signal ?? undefined });
      });
    });
    // A far side that is gone is told by the end of its stdout; EPIPE adds nothing.
    stdin?.on("error", () => {});
    stdin?.on("drain", () => this.#listener?.drained());
    stdout?.on("error", () => {});
    stderr?.on("error", () => {});
    stdout?.on("data", (chunk: Uint8Array) => this.#listener?.data(chunk));
    stdout?.once("close", () => this.#end());
    void this.ended.then(() => this.#end());
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** The last 32 KiB of it. */
  get stderr(): string {
    return this.#stderr;
  }

  listen(listener: PipeListener): void {
    this.#listener = listener;
  }

  write(chunk: Uint8Array): boolean {
    return this.#closed ? true : (this.#process.stdin?.write(chunk) ?? true);
  }

  close(): void {
    this.#process.stdin?.destroy();
    this.#process.stdout?.destroy();
    if (!this.#alive) this.#process.stderr?.destroy();
    this.#end();
  }

  /** Whether the system says that `pid` is a child of this process; false where it cannot be asked. */
  isParentOf(pid: number): boolean {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
      return Number(stat.slice(stat.lastIndexOf(")")).split(" ")[2]) === this.pid;
    } catch {
      return false;
    }
  }

  /** Signal the process itself: the last resort, when closing the pipe did not end it. */
  kill(signal: NodeJS.Signals): void {
    if (this.#alive) this.#process.kill(signal);
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.closed();
  }
}

/** In our own session, so that it can ask on the terminal, but not hearing its keys. What does not exist is started as it is, and fails as it should. */
function deaf(argv: readonly string[]): readonly string[] {
  return Bun.which(argv[0] ?? "") === null ? argv : ["sh", "-c", DEAF, "sh", ...argv];
}
