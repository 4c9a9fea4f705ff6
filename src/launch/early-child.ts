/**
 * Starts processes of this machine. A process may be started early, before the parts that will use
 * it are loaded: whatever asks for the same argument vector first gets that process.
 */
import { closeSync } from "node:fs";
import type { Ending, SpawnOptions } from "./child.ts";
import { originalLimit } from "./open-files.ts";

export type Started = Bun.Subprocess<"ignore", "ignore", "pipe">;

/** A process that was started. Its descriptors 3 and 4 are its input and output. */
export interface StartedChild {
  readonly process: Started;
  /** Resolves when the process has ended. */
  readonly exited: Promise<Ending>;
}

type Options = Pick<SpawnOptions, "asks" | "env" | "pty">;

/** Where shells look for programs when the environment has no PATH. An empty one is as none. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The child gets sockets as descriptors 3 and 4, because Bun lets us have only the other ends of
 * such. The shell makes them standard input and output.
 */
const JOIN = "exec <&3 >&4 3>&- 4>&-";
/** Gives the child the limit of open files that this process was started with. */
const limit = (): string => (originalLimit() === "" ? "" : `ulimit -Sn ${originalLimit()};`);
/**
 * For a child that stays in the terminal's session: it ignores the signals that the terminal sends.
 * This process acts on them. ssh goes on ignoring what it was started to ignore.
 */
const DEAF = `trap "" INT QUIT TSTP;${JOIN}`;

let early: { readonly key: string; readonly child: StartedChild } | undefined;

/**
 * Starts a process that `startChild` will be asked for. At most one waits.
 *
 * @throws the system's error, if the program cannot be started
 */
export function startEarly(argv: readonly string[], options: Options): void {
  dropEarly();
  early = { key: keyOf(argv, options), child: start(argv, options, undefined) };
}

/** Ends the process that was started early, if nothing has asked for it. */
export function dropEarly(): void {
  if (early === undefined) return;
  const { process } = early.child;
  early = undefined;
  const [, , , stdin, stdout] = process.stdio as unknown as number[];
  for (const fd of [stdin, stdout]) closeSync(fd as number);
  process.kill("SIGTERM");
}

/**
 * @param terminal the path of a terminal, which the child takes for its own
 * @throws the system's error, if the program cannot be started
 */
export function startChild(
  argv: readonly string[],
  options: Options,
  terminal: string | undefined,
): StartedChild {
  if (early !== undefined && terminal === undefined && early.key === keyOf(argv, options)) {
    const { child } = early;
    early = undefined;
    return child;
  }
  return start(argv, options, terminal);
}

function keyOf(argv: readonly string[], { asks, env, pty = false }: Options): string {
  return JSON.stringify([argv, asks, env ?? {}, pty]);
}

function start(
  argv: readonly string[],
  { asks, env, pty }: Options,
  terminal: string | undefined,
): StartedChild {
  const isOwn = !asks || pty === true;
  const PATH = process.env["PATH"] || DEFAULT_PATH;
  const exited = Promise.withResolvers<Ending>();
  // A program that does not exist is started as it is, so that the error is the system's.
  const exists = Bun.which(argv[0] ?? "", { PATH }) !== null;
  const child = Bun.spawn(exists ? joined(argv, isOwn, terminal) : [...argv], {
    stdio: ["ignore", "ignore", "pipe", "socket-fd", "socket-fd"],
    // The environment of now: by default Bun passes on the one of this program's start.
    env: { ...process.env, ...env, PATH },
    detached: isOwn,
    onExit: (_child, status, signal) =>
      exited.resolve({ status: status ?? undefined, signal: nameOf(signal) }),
  });
  return { process: child, exited: exited.promise };
}

/**
 * @returns what starts `argv` with our sockets as its input and output. A script for `sh` runs in
 * the shell that does so, which saves the start of another shell.
 */
function joined(argv: readonly string[], own: boolean, terminal: string | undefined): string[] {
  const [program, flag, script, ...rest] = argv;
  // The first terminal that the leader of a session opens becomes the session's.
  const adopt = terminal === undefined ? "" : `: <>${terminal};`;
  const prepare = `${limit()}${own ? JOIN : DEAF};${adopt}`;
  return program === "sh" && flag === "-c"
    ? ["/bin/sh", "-c", prepare + script, ...rest]
    : ["/bin/sh", "-c", `${prepare}exec "$@"`, "sh", ...argv];
}

/** Real-time signals have a number only. */
function nameOf(signal: NodeJS.Signals | number | null): string | undefined {
  return typeof signal === "number" ? `signal ${signal}` : (signal ?? undefined);
}
