/**
 * Calls of the C library that neither Bun nor Node.js offers, such as splice(2). The library is
 * opened at the first use. Where it is not there (no Linux, no glibc), every function says so by
 * its result, and callers use the normal way.
 *
 * Also runs in a slave in Bun, as part of econtext.kernel.
 */
import { CString, dlopen, type Pointer } from "bun:ffi";
import { closeSync, constants as modes } from "node:fs";
import { constants } from "node:os";
import { ENDING } from "./ending-signals.ts";

/** `SPLICE_F_MOVE` and `SPLICE_F_NONBLOCK` of `fcntl.h` */
const SPLICE_FLAGS = 1 | 2;
/** `fcntl.h` */
const F_SETFL = 4;
const F_DUPFD_CLOEXEC = 1030;
const F_SETPIPE_SZ = 1031;
/** Our children do not get the descriptor. */
const O_CLOEXEC = 0o2000000;
const POLLIN = 1;
const POLLOUT = 4;
/** The largest pipe that any user may have. */
const PIPE_BYTES = 1 << 20;
/** More than a `struct termios` takes. */
const TERMIOS_BYTES = 128;
/** `socket.h` */
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
/** `prctl.h` */
const PR_SET_DUMPABLE = 4;
/** The system doubles it, as far as it allows that. */
const SOCKET_BYTES = 1 << 20;

const CALLS = {
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  read: { args: ["i32", "ptr", "usize"], returns: "i32" },
  poll: { args: ["ptr", "usize", "i32"], returns: "i32" },
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
  posix_openpt: { args: ["i32"], returns: "i32" },
  grantpt: { args: ["i32"], returns: "i32" },
  unlockpt: { args: ["i32"], returns: "i32" },
  ptsname: { args: ["i32"], returns: "ptr" },
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

/** Whether the C library was found. */
export function hasCalls(): boolean {
  return load() !== null;
}

/**
 * Moves bytes from one descriptor to another without copying them into this process, as far as
 * neither blocks. One of the two must be a pipe.
 *
 * @returns the number of bytes; 0 at the end of the input; undefined if none can be moved now, or
 * not between these two
 */
export function splice(from: number, to: number, bytes: number): number | undefined {
  const calls = load();
  if (calls === null) return undefined;
  const moved = calls.splice(from, null, to, null, bytes, SPLICE_FLAGS);
  return moved < 0 ? undefined : moved;
}

/** As `splice`, from the position `at` of a file into a pipe. The system may wait for the disk. */
export function spliceFile(
  file: number,
  at: number,
  pipe: number,
  bytes: number,
): number | undefined {
  const moved = load()?.splice(file, offset(at), pipe, null, bytes, SPLICE_FLAGS) ?? -1;
  return moved < 0 ? undefined : moved;
}

/** As `splice`, from a pipe to the position `at` of a file. The system may wait for the disk. */
export function spliceToFile(
  pipe: number,
  file: number,
  at: number,
  bytes: number,
): number | undefined {
  const moved = load()?.splice(pipe, null, file, offset(at), bytes, SPLICE_FLAGS) ?? -1;
  return moved < 0 ? undefined : moved;
}

/** @returns a position as splice(2) takes it: the system advances the number in this memory */
function offset(at: number): BigInt64Array {
  return new BigInt64Array([BigInt(at)]);
}

/**
 * Reads what is there, from a descriptor that does not block.
 *
 * @returns the number of bytes; 0 at the end; undefined if no byte is there, or it cannot be read
 */
export function readNow(fd: number, into: Uint8Array): number | undefined {
  const got = load()?.read(fd, into, into.length) ?? -1;
  return got < 0 ? undefined : got;
}

/**
 * Waits until one of the descriptors can be read, or so many milliseconds have passed. Nothing else
 * in this process runs meanwhile.
 *
 * @returns whether one can be read
 */
export function waitFor(fds: readonly number[], milliseconds: number): boolean {
  return poll(fds, POLLIN, milliseconds) ?? false;
}

/**
 * Waits until a descriptor takes at least a page, or so many milliseconds have passed. Nothing else
 * in this process runs meanwhile, except that SIGINT, SIGTERM and SIGHUP end it at once: a handler
 * could not run before the wait is over.
 *
 * @returns whether it does; undefined if the system cannot be asked
 */
export function waitToWrite(fd: number, milliseconds: number): boolean | undefined {
  if (milliseconds === 0) return poll([fd], POLLOUT, 0);
  const restore = ENDING.map((name) => defaultAction(constants.signals[name]));
  try {
    return poll([fd], POLLOUT, milliseconds);
  } finally {
    for (const one of restore) one();
  }
}

function poll(fds: readonly number[], events: number, milliseconds: number): boolean | undefined {
  // struct pollfd: the descriptor, an int; then two shorts: events to wait for, events that came.
  const entries = new Int32Array(2 * fds.length);
  for (let at = 0; at < fds.length; at++) {
    entries[2 * at] = fds[at] as number;
    entries[2 * at + 1] = events;
  }
  const count = load()?.poll(entries, fds.length, milliseconds);
  return count === undefined ? undefined : count > 0;
}

/** More than a `struct sigaction` takes. All zeros mean the default action. */
const ACTION_BYTES = 256;

/** `struct sigaction` of Linux with a 64-bit C library: the place of its flags. */
const FLAGS_AT = 136;
const SA_RESETHAND = 0x8000_0000;

/**
 * From the next signal of this kind on, the default action holds: it ends this process even if code
 * keeps its thread busy, so that no listener can run. For a signal that has a listener.
 *
 * @returns a function that does it once more, after a signal that was heard
 */
export function defaultAfterNext(signal: number): () => void {
  const action = new Uint8Array(ACTION_BYTES);
  if (load()?.sigaction(signal, null, action) !== 0) return () => {};
  const view = new DataView(action.buffer);
  view.setUint32(FLAGS_AT, view.getUint32(FLAGS_AT, true) | SA_RESETHAND, true);
  const arm = (): void => void load()?.sigaction(signal, action, null);
  arm();
  return arm;
}

/** @returns a function that restores the handler */
function defaultAction(signal: number): () => void {
  const before = new Uint8Array(ACTION_BYTES);
  load()?.sigaction(signal, new Uint8Array(ACTION_BYTES), before);
  return () => void load()?.sigaction(signal, before, null);
}

/** Makes a pipe. @returns the descriptors to read and to write; undefined if it cannot be made */
export function makePipe(): readonly [number, number] | undefined {
  return pair((ends) => load()?.pipe2(ends, O_CLOEXEC));
}

/**
 * Makes two connected sockets. The first does not block.
 *
 * @returns their descriptors; undefined if they cannot be made
 */
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

/**
 * @returns another descriptor for the same file, which our children do not get; undefined if there
 * are too many
 */
export function duplicate(fd: number): number | undefined {
  const other = load()?.fcntl(fd, F_DUPFD_CLOEXEC, 0) ?? -1;
  return other < 0 ? undefined : other;
}

/** Lets a pipe hold more, so that its writer and its reader have to take turns less often. */
export function widen(fd: number): void {
  load()?.fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
}

/**
 * Lets a socket hold more that is sent. A writer that finds it full is woken only when three
 * quarters were read.
 */
export function widenSocket(fd: number): void {
  load()?.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, new Int32Array([SOCKET_BYTES]), 4);
}

/** @returns the `struct termios` of a terminal, as on Linux; undefined if `fd` is not a terminal */
export function terminalAttributes(fd: number): DataView | undefined {
  const bytes = new Uint8Array(TERMIOS_BYTES);
  return load()?.tcgetattr(fd, bytes) === 0 ? new DataView(bytes.buffer) : undefined;
}

/**
 * From now on, a write to a pipe without a reader ends this process with SIGPIPE, as for any
 * filter. For a process that runs a user's code: Bun's `console.log` ignores that the reader has
 * gone. Writes to sockets, and so the streams of contexts, raise no signal.
 */
export function dieWithReader(): void {
  load()?.signal(constants.signals.SIGPIPE, null);
}

/**
 * From now on the kernel writes no memory of this process to a core file, and other processes of
 * the same user cannot read that memory. Programs that this process starts are not affected.
 */
export function forbidCoreDumps(): void {
  load()?.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/**
 * Makes a terminal.
 *
 * @returns a descriptor of its near end, which does not block, and the path of its far end;
 *   undefined if it cannot be made
 */
export function openTerminal(): { readonly fd: number; readonly path: string } | undefined {
  const calls = load();
  const flags = modes.O_RDWR | modes.O_NOCTTY | modes.O_NONBLOCK | O_CLOEXEC;
  const fd = calls?.posix_openpt(flags) ?? -1;
  if (calls === null || fd < 0) return undefined;
  const isReady = calls.grantpt(fd) === 0 && calls.unlockpt(fd) === 0;
  const name = isReady ? calls.ptsname(fd) : null;
  if (name !== null) return { fd, path: new CString(name as Pointer).toString() };
  closeSync(fd);
  return undefined;
}
