/**
 * Calls of Linux that neither Bun nor Node.js has a name for: between pipes and sockets, bytes can move without coming through our memory.
 * Found at the first use; elsewhere there are none. Leaf: imports nothing of ours.
 */
import { dlopen } from "bun:ffi";
import { constants as modes } from "node:fs";
import { constants } from "node:os";

const SPLICE = { MOVE: 1, NONBLOCK: 2 };
/** `fcntl.h` */
const F_SETFL = 4;
const F_DUPFD_CLOEXEC = 1030;
const F_SETPIPE_SZ = 1031;
/** For no child of ours. */
const O_CLOEXEC = 0o2000000;
const POLLIN = 1;
const POLLOUT = 4;
/** What any user may have. */
const PIPE_BYTES = 1 << 20;
/** `termios.h`, and some to spare */
const TERMIOS_BYTES = 128;
/** `socket.h` */
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
/** Of which the system takes the double, if it allows that to any user. */
const SOCKET_BYTES = 1 << 20;

const CALLS = {
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  read: { args: ["i32", "ptr", "usize"], returns: "i32" },
  poll: { args: ["ptr", "usize", "i32"], returns: "i32" },
  pipe2: { args: ["ptr", "i32"], returns: "i32" },
  sigaction: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  signal: { args: ["i32", "ptr"], returns: "ptr" },
  socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
  tcgetattr: { args: ["i32", "ptr"], returns: "i32" },
  splice: { args: ["i32", "ptr", "i32", "ptr", "usize", "u32"], returns: "i32" },
} as const;

type Library = ReturnType<typeof dlopen<typeof CALLS>>["symbols"];

let library: Library | null | undefined;

function load(): Library | null {
  if (library === undefined) {
    try {
      library = dlopen("libc.so.6", CALLS).symbols;
    } catch {
      library = null;
    }
  }
  return library;
}

/** Whether they are there. */
export function hasCalls(): boolean {
  return load() !== null;
}

/**
 * Move bytes from one descriptor to the other, one of which is a pipe, as far as neither blocks.
 *
 * @returns how many; 0 at the end of what is read; undefined: not now, or not these
 */
export function splice(from: number, to: number, bytes: number): number | undefined {
  const calls = load();
  if (calls === null) return undefined;
  const moved = calls.splice(from, null, to, null, bytes, SPLICE.MOVE | SPLICE.NONBLOCK);
  return moved < 0 ? undefined : moved;
}

/**
 * Read what is there, from a descriptor that does not block.
 *
 * @returns how many bytes; 0 at its end; undefined: not now, or not this one
 */
export function readNow(fd: number, into: Uint8Array): number | undefined {
  const got = load()?.read(fd, into, into.length) ?? -1;
  return got < 0 ? undefined : got;
}

/**
 * Wait until there is something to be read from one of these, or so many milliseconds have passed: nothing else happens meanwhile.
 *
 * @returns whether there is something
 */
export function waitFor(fds: readonly number[], milliseconds: number): boolean {
  return poll(fds, POLLIN, milliseconds) ?? false;
}

/**
 * Wait until a descriptor takes at least a page, or so many milliseconds have passed. Nothing else
 * in this process runs meanwhile, except that SIGINT, SIGTERM and SIGHUP end it at once: a handler
 * could not run before the wait is over.
 *
 * @returns whether it does; undefined where this cannot be told
 */
export function waitToWrite(fd: number, milliseconds: number): boolean | undefined {
  if (milliseconds === 0) return poll([fd], POLLOUT, 0);
  const restore = ENDING.map(defaultAction);
  try {
    return poll([fd], POLLOUT, milliseconds);
  } finally {
    for (const one of restore) one();
  }
}

function poll(fds: readonly number[], events: number, milliseconds: number): boolean | undefined {
  // struct pollfd: an int, and two shorts, the first of which is what is waited for.
  const entries = new Int32Array(2 * fds.length);
  for (let at = 0; at < fds.length; at++) {
    entries[2 * at] = fds[at] as number;
    entries[2 * at + 1] = events;
  }
  const count = load()?.poll(entries, fds.length, milliseconds);
  return count === undefined ? undefined : count > 0;
}

const ENDING = [constants.signals.SIGINT, constants.signals.SIGTERM, constants.signals.SIGHUP];
/** More than a `struct sigaction` takes. All zeros: the default action. */
const ACTION_BYTES = 256;

/** @returns what puts the handler of before in its place again */
function defaultAction(signal: number): () => void {
  const before = new Uint8Array(ACTION_BYTES);
  load()?.sigaction(signal, new Uint8Array(ACTION_BYTES), before);
  return () => void load()?.sigaction(signal, before, null);
}

/** A new pipe. @returns the descriptors to read and to write; undefined where it cannot be made */
export function makePipe(): readonly [number, number] | undefined {
  return pair((ends) => load()?.pipe2(ends, O_CLOEXEC));
}

/** Two sockets, connected with one another; the first does not block. @returns their descriptors; undefined where they cannot be made */
export function makeSockets(): readonly [number, number] | undefined {
  const type = SOCK_STREAM | O_CLOEXEC;
  const ends = pair((both) => load()?.socketpair(AF_UNIX, type, 0, both));
  if (ends !== undefined) load()?.fcntl(ends[0], F_SETFL, modes.O_RDWR | modes.O_NONBLOCK);
  return ends;
}

function pair(
  make: (ends: Int32Array) => number | undefined,
): readonly [number, number] | undefined {
  const ends = new Int32Array(2);
  if (make(ends) !== 0) return undefined;
  const [first, second] = ends as unknown as [number, number];
  return [first, second];
}

/** Another descriptor of the same, for no child of ours. @returns undefined when there are too many */
export function duplicate(fd: number): number | undefined {
  const other = load()?.fcntl(fd, F_DUPFD_CLOEXEC, 0) ?? -1;
  return other < 0 ? undefined : other;
}

/** Let a pipe hold more, as far as the system lets us: who fills it and who empties it have to take turns less often. */
export function widen(fd: number): void {
  load()?.fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
}

/** The same for a socket, for what is sent by it: who finds it full is woken only when three quarters of it were read. */
export function widenSocket(fd: number): void {
  load()?.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, new Int32Array([SOCKET_BYTES]), 4);
}

/** The `struct termios` of a terminal, on Linux and the processors that Bun supports. @returns undefined when `fd` is not a terminal */
export function terminalAttributes(fd: number): DataView | undefined {
  const bytes = new Uint8Array(TERMIOS_BYTES);
  return load()?.tcgetattr(fd, bytes) === 0 ? new DataView(bytes.buffer) : undefined;
}

/**
 * From now on, who writes to a pipe that nobody reads dies of SIGPIPE, as any filter does. For what runs code of the user's: `console.log` of Bun
 * ignores that nobody reads. Writes to sockets, the streams of contexts among them, say that they want no signal.
 */
export function dieWithReader(): void {
  load()?.signal(constants.signals.SIGPIPE, null);
}
