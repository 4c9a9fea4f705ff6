/**
 * A child process as a pipe: spawns an argument vector, keeps the tail of its stderr, knows how it ended.
 * Knows nothing of what is said over the pipe.
 */
import { readFileSync } from "node:fs";
import type { Duplex, DuplexListener } from "../io/duplex.ts";
import { SocketReader, SocketWriter } from "../io/socket.ts";
import type { Chunk } from "../io/splice-pipe.ts";
import { originalLimit } from "./open-files.ts";

const TAIL_BYTES = 32768;
/** How long what an ended process has written may take to be read. */
const DRAIN_MS = 250;

/** How a child ended: an exit status, a signal's name, or why it could not be started at all. */
export interface Ending {
  readonly status?: number | undefined;
  readonly signal?: string | undefined;
  readonly spawnError?: Error | undefined;
}

type Started = Bun.Subprocess<"ignore", "ignore", "pipe">;
interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** Where shells look for programs when the environment has no PATH. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** It is given sockets as descriptors 3 and 4: these are the ones whose other ends we can have. */
const JOIN = "exec <&3 >&4 3>&- 4>&-";
/** So that what is started has the limit that we were started with. */
const limit = (): string => (originalLimit() === "" ? "" : `ulimit -Sn ${originalLimit()};`);
/** What a terminal sends is ours to act on, or for the command that the child carries: ssh keeps ignoring what it was told to ignore. */
const DEAF = `trap "" INT QUIT TSTP;${JOIN}`;

/** What starts `argv` with our sockets as its input and output. A script for `sh` runs in the shell that does so: one start less. */
function joined(argv: readonly string[], own: boolean): string[] {
  const [program, flag, script, ...rest] = argv;
  const prepare = `${limit()}${own ? JOIN : DEAF};`;
  return program === "sh" && flag === "-c"
    ? ["/bin/sh", "-c", prepare + script, ...rest]
    : ["/bin/sh", "-c", `${prepare}exec "$@"`, "sh", ...argv];
}

export class Child implements Duplex {
  readonly argv: readonly string[];
  /** Resolves when the process has ended and stdout and stderr are read to their ends; never rejects. */
  readonly ended: Promise<Ending>;
  #process: Started | undefined;
  #stdin: SocketWriter | undefined;
  #stdout: SocketReader | undefined;
  #said: Reader | undefined;
  #stderr = "";
  #listener: DuplexListener | undefined;
  #alive = true;
  #closed = false;

  /** @param own in a session of its own, so that ctrl-C is for us to act on */
  constructor(argv: readonly string[], own: boolean) {
    this.argv = argv;
    this.ended = this.#start(own).catch((spawnError: Error) => {
      this.#alive = false;
      return { spawnError };
    });
    void this.ended.then(() => this.close());
  }

  async #start(own: boolean): Promise<Ending> {
    // What does not exist is started as it is, and fails as it should.
    const { PATH = DEFAULT_PATH } = process.env;
    const isThere = Bun.which(this.argv[0] ?? "", { PATH }) !== null;
    const argv = isThere ? joined(this.argv, own) : [...this.argv];
    const exited = Promise.withResolvers<Ending>();
    const child = Bun.spawn(argv, {
      stdio: ["ignore", "ignore", "pipe", "socket-fd", "socket-fd"],
      // As it is now: what Bun would take is what it was at our start.
      env: { ...process.env, PATH },
      detached: own,
      onExit: (_child, status, signal) => {
        this.#alive = false;
        exited.resolve({ status: status ?? undefined, signal: nameOf(signal) });
      },
    });
    this.#process = child;
    const [, , , stdin, stdout] = child.stdio as unknown as number[];
    this.#stdin = new SocketWriter(stdin as number, () => this.#listener?.drained());
    const silent = Promise.withResolvers<void>();
    this.#stdout = new SocketReader(
      stdout as number,
      () => this.#listener,
      () => {
        silent.resolve();
        this.#end();
      },
    );
    const said = child.stderr.getReader();
    this.#said = said;
    const read = Promise.all([silent.promise, this.#listen(said)]);
    const how = await exited.promise;
    // Somebody may hold its pipes open after it. What it wrote is read by then; nothing more is to come.
    const enough = Promise.withResolvers<void>();
    const timer = setTimeout(enough.resolve, DRAIN_MS);
    await Promise.race([read, enough.promise]);
    clearTimeout(timer);
    return how;
  }

  async #listen(to: Reader): Promise<void> {
    const decoder = new TextDecoder();
    for (;;) {
      const { value, done } = await to.read();
      if (done) return;
      this.#stderr = (this.#stderr + decoder.decode(value, { stream: true })).slice(-TAIL_BYTES);
    }
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** The last 32 KiB of it. */
  get stderr(): string {
    return this.#stderr;
  }

  listen(listener: DuplexListener): void {
    this.#listener = listener;
  }

  write(chunk: Chunk): boolean {
    return this.#stdin?.write(chunk) ?? true;
  }

  close(): void {
    this.#stdin?.close();
    this.#stdout?.close();
    if (!this.#alive) this.#said?.cancel().catch(() => {});
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
    if (this.#alive) this.#process?.kill(signal);
  }

  /** Kill it and what it has started, as far as that is in its group: for one that is in a group of its own. */
  killGroup(): void {
    if (!this.#alive || this.pid === undefined) return;
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch {
      this.kill("SIGKILL"); // it has not come as far as that
    }
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.closed();
  }
}

/** The newest have no name for those of real time. */
function nameOf(signal: NodeJS.Signals | number | null): string | undefined {
  return typeof signal === "number" ? `signal ${signal}` : (signal ?? undefined);
}
