/**
 * Starts processes of this machine. A process may be started early, before the parts that will use
 * it are loaded: whatever asks for the same argument vector first gets that process.
 */
import { closeSync } from "node:fs";
import { withFewerFiles } from "../io/file-limit.ts";
import { makeSockets, widenSocket } from "../io/libc.ts";
import type { Ending, SpawnOptions } from "./child.ts";
import { originalLimit } from "./open-files.ts";

export type Started = Bun.Subprocess<"ignore", "ignore", "pipe">;

/** A process that was started. */
export interface StartedChild {
  readonly process: Started;
  /** Our ends of its standard input and output. They do not block. */
  readonly stdin: number;
  readonly stdout: number;
  /** Resolves when the process has ended. */
  readonly exited: Promise<Ending>;
}

type Options = Pick<SpawnOptions, "asks" | "env" | "isClient" | "pty">;

/** Where shells look for programs when the environment has no PATH. An empty one is as none. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Makes the sockets that a child has as descriptors 3 and 4 its standard input and output. */
const JOIN = "exec <&3 >&4 3>&- 4>&-;";
/** Gives the child the limit of open files that this process was started with. */
const limit = (): string => (originalLimit() === "" ? "" : `ulimit -Sn ${originalLimit()};`);
/**
 * For a child that stays in the terminal's session: it ignores the signals that the terminal sends.
 * This process acts on them. ssh goes on ignoring what it was started to ignore.
 */
const DEAF = `trap "" INT QUIT TSTP;`;

let early: { readonly key: string; readonly child: StartedChild } | undefined;

/**
 * Starts a process that `startChild` will be asked for. At most one waits.
 *
 * @throws the system's error, if the program cannot be started
 */
export function startEarly(argv: readonly string[], options: Options): void {
  dropEarly();
  const child = startBare(argv, options) ?? start(argv, options, undefined);
  early = { key: keyOf(argv, options), child };
}

/** Ends the process that was started early, if nothing has asked for it. */
export function dropEarly(): void {
  if (early === undefined) return;
  const { process, stdin, stdout } = early.child;
  early = undefined;
  for (const fd of [stdin, stdout]) closeSync(fd);
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

/**
 * As `start`, without a shell, which takes a millisecond: for a process that needs no terminal of
 * its own, and asks nothing. Only while few files are open: the new limit holds for ours, too.
 *
 * @returns undefined if it cannot be started so. A shell can start more, and `start` tells why not.
 */
function startBare(argv: readonly string[], options: Options): StartedChild | undefined {
  const limit = originalLimit();
  const program = findProgram(argv);
  if (options.asks || program === null || !/^\d*$/.test(limit)) return undefined;
  const words = [program, ...argv.slice(1)];
  try {
    return withSockets(options, (theirs) => {
      const run = () => spawn(words, options, [...theirs, "pipe"], argv[0]);
      return limit === "" ? run() : withFewerFiles(Number(limit), run);
    });
  } catch {
    return undefined;
  }
}

function start(
  argv: readonly string[],
  options: Options,
  terminal: string | undefined,
): StartedChild {
  // A program that does not exist is started as it is, so that the error is the system's.
  const exists = findProgram(argv) !== null;
  const words = (join: string) => (exists ? inShell(argv, join, isOwn(options), terminal) : argv);
  const started = withSockets(options, (theirs) => spawn(words(""), options, [...theirs, "pipe"]));
  return started ?? startJoined(words(JOIN), options);
}

/** Starts a process where we cannot make sockets. Bun can, but only as descriptors 3 and 4. */
function startJoined(words: readonly string[], options: Options): StartedChild {
  const started = spawn(words, options, ["ignore", "ignore", "pipe", "socket-fd", "socket-fd"]);
  const [, , , stdin, stdout] = started.process.stdio as unknown as number[];
  return { ...started, stdin: stdin as number, stdout: stdout as number };
}

/**
 * Starts a process with sockets as its standard input and output.
 *
 * @param run starts it with the child's ends
 * @returns undefined, without a call of `run`, if we cannot make sockets
 */
function withSockets(
  { isClient }: Options,
  run: (theirs: readonly [number, number]) => Omit<StartedChild, "stdin" | "stdout">,
): StartedChild | undefined {
  const [inputs, outputs] = [makeSockets(), makeSockets()];
  const unused = [inputs, outputs].flatMap((pair) => pair ?? []);
  try {
    if (inputs === undefined || outputs === undefined) return undefined;
    // ssh goes on with its cipher while this process is busy with what came before. A slave of this
    // machine would only fill more memory before it is read.
    if (isClient) widenSocket(outputs[1]);
    const started = run([inputs[1], outputs[1]]);
    unused.splice(0, unused.length, inputs[1], outputs[1]);
    return { ...started, stdin: inputs[0], stdout: outputs[0] };
  } finally {
    for (const fd of unused) closeSync(fd);
  }
}

function searchPath(): string {
  return process.env["PATH"] || DEFAULT_PATH;
}

/** @returns the path of the program, or null */
function findProgram([name = ""]: readonly string[]): string | null {
  return Bun.which(name, { PATH: searchPath() });
}

/** Whether it gets a session of its own, and so no signal of the terminal. */
export function isOwn({ asks, pty }: Options): boolean {
  return !asks || pty === true;
}

function spawn(
  argv: readonly string[],
  options: Options,
  stdio: readonly (number | "ignore" | "pipe" | "socket-fd")[],
  argv0 = argv[0] ?? "",
): Pick<StartedChild, "process" | "exited"> {
  const exited = Promise.withResolvers<Ending>();
  const child = Bun.spawn([...argv], {
    argv0,
    stdio: [...stdio] as ["ignore", "ignore", "pipe"],
    // The environment of now: by default Bun passes on the one of this program's start.
    env: { ...process.env, ...options.env, PATH: searchPath() },
    detached: isOwn(options),
    onExit: (_child, status, signal) =>
      exited.resolve({ status: status ?? undefined, signal: nameOf(signal) }),
  });
  return { process: child, exited: exited.promise };
}

/**
 * @param join JOIN, or nothing
 * @returns what starts `argv` in a shell that prepares it. A script for `sh` runs in that shell,
 *   which saves the start of another one
 */
function inShell(
  argv: readonly string[],
  join: string,
  own: boolean,
  terminal: string | undefined,
): string[] {
  const [program, flag, script, ...rest] = argv;
  // The first terminal that the leader of a session opens becomes the session's.
  const adopt = terminal === undefined ? "" : `: <>${terminal};`;
  const prepare = `${limit()}${own ? "" : DEAF}${join}${adopt}`;
  return program === "sh" && flag === "-c"
    ? ["/bin/sh", "-c", prepare + script, ...rest]
    : ["/bin/sh", "-c", `${prepare}exec "$@"`, "sh", ...argv];
}

/** Real-time signals have a number only. */
function nameOf(signal: NodeJS.Signals | number | null): string | undefined {
  return typeof signal === "number" ? `signal ${signal}` : (signal ?? undefined);
}
