/**
 * System calls of a process that lives for some milliseconds: the client of `econtext up`, and the
 * entry of the command line. `node:fs` offers most of them, but loading it takes a millisecond.
 *
 * Where there is no glibc, a call says that nothing is known, and its caller uses the normal way.
 * `lookAt` alone has no other way: it loads `node:fs` there.
 */
import { dlopen } from "bun:ffi";

/** `fcntl.h` */
const O_RDONLY = 0;
const O_WRONLY = 1;
const O_RDWR = 2;
const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const F_GETFD = 1;
const FD_CLOEXEC = 1;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
/** `sys/socket.h` */
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** `struct ucred`: pid, uid and gid. */
const CREDENTIALS_BYTES = 12;
/** Type, mode, owner, size, times and device number. */
const STATX_BASIC_STATS = 0x7ff;
const STATX_BYTES = 256;
/** More than a `struct termios` takes. */
const TERMIOS_BYTES = 128;

const CALLS = {
  close: { args: ["i32"], returns: "i32" },
  fcntl: { args: ["i32", "i32"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  open: { args: ["ptr", "i32"], returns: "i32" },
  read: { args: ["i32", "ptr", "usize"], returns: "i32" },
  statx: { args: ["i32", "ptr", "i32", "u32", "ptr"], returns: "i32" },
  tcgetattr: { args: ["i32", "ptr"], returns: "i32" },
  write: { args: ["i32", "ptr", "usize"], returns: "i32" },
} as const;

let library: ReturnType<typeof dlopen<typeof CALLS>>["symbols"] | null | undefined;

function load() {
  if (library === undefined) {
    try {
      library = dlopen("libc.so.6", CALLS).symbols;
    } catch {
      library = null;
    }
  }
  return library;
}

/** `sys/stat.h`, without the zeros at the end. */
const KINDS = {
  1: "pipe",
  2: "device",
  4: "folder",
  8: "file",
  10: "link",
  12: "socket",
} as const;
const KIND_BITS = 12;
const PERMISSIONS = 0o7777;

/** The process at the other end of a unix socket. */
export interface Peer {
  readonly pid: number;
  readonly uid: number;
}

export interface Status {
  readonly kind: (typeof KINDS)[keyof typeof KINDS] | "other";
  /** Permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly size: number;
  /** Text that differs when the time of the last change does. */
  readonly changed: string;
  /** Number of the device; 0: it is no device. */
  readonly device: number;
}

/** @returns the status of a path, without following a link; undefined: it cannot be looked at */
export function lookAt(path: string): Status | undefined {
  return load() === null ? slowly(path) : statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
}

/** @returns the status of a descriptor; undefined: it is not known */
export function statusOf(fd: number): Status | undefined {
  return statx(fd, "", AT_EMPTY_PATH);
}

function statx(fd: number, path: string, flags: number): Status | undefined {
  const bytes = new Uint8Array(STATX_BYTES);
  const result = load()?.statx(fd, named(path), flags, STATX_BASIC_STATS, bytes) ?? -1;
  if (result !== 0) return undefined;
  // `struct statx` is the same on all processors.
  const mode = u32(bytes, 28) & 0xffff;
  return {
    kind: kindOf(mode),
    mode: mode & PERMISSIONS,
    uid: u32(bytes, 20),
    size: u32(bytes, 44) * 2 ** 32 + u32(bytes, 40),
    changed: `${u32(bytes, 112)}.${u32(bytes, 120)}`,
    device: u32(bytes, 128) * 256 + u32(bytes, 132),
  };
}

function slowly(path: string): Status | undefined {
  try {
    const { lstatSync } = require("node:fs") as typeof import("node:fs");
    const { mode, uid, size, mtimeMs, rdev } = lstatSync(path);
    const changed = String(mtimeMs);
    return { kind: kindOf(mode), mode: mode & PERMISSIONS, uid, size, changed, device: rdev };
  } catch {
    return undefined;
  }
}

function kindOf(mode: number): Status["kind"] {
  return KINDS[(mode >> KIND_BITS) as keyof typeof KINDS] ?? "other";
}

/** @returns undefined where the system cannot be asked */
export function peerOf(fd: number): Peer | undefined {
  const about = new Uint8Array(CREDENTIALS_BYTES);
  const length = new Uint8Array([CREDENTIALS_BYTES, 0, 0, 0]);
  const result = load()?.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, about, length) ?? -1;
  return result === 0 ? { pid: u32(about, 0), uid: u32(about, 4) } : undefined;
}

/** @returns undefined where the system cannot be asked */
export function isTerminal(fd: number): boolean | undefined {
  const calls = load();
  return calls === null ? undefined : calls.tcgetattr(fd, new Uint8Array(TERMIOS_BYTES)) === 0;
}

/** Whether a child of this process would not get the descriptor. */
export function closesAtExec(fd: number): boolean {
  const flags = load()?.fcntl(fd, F_GETFD) ?? -1;
  return flags >= 0 && (flags & FD_CLOEXEC) !== 0;
}

/** Whether this process has a terminal, whatever its standard input is. */
export function hasTerminal(): boolean {
  const fd = open("/dev/tty", O_RDWR | O_NOCTTY);
  if (fd >= 0) load()?.close(fd);
  return fd >= 0;
}

/**
 * Opens the pipe that `fd` is once more, not blocking.
 *
 * @returns -1: it cannot be opened
 */
export function openPipe(fd: number, mode: "read" | "write"): number {
  return open(`/proc/self/fd/${fd}`, (mode === "read" ? O_RDONLY : O_WRONLY) | O_NONBLOCK);
}

function open(path: string, flags: number): number {
  return load()?.open(named(path), flags | O_CLOEXEC) ?? -1;
}

/** @returns the number of bytes; 0 at the end; -1: none can be read now */
export function readNow(fd: number, into: Uint8Array): number {
  return load()?.read(fd, into, into.length) ?? -1;
}

/** @returns the number of bytes that were written; -1: none can be written now */
export function writeNow(fd: number, bytes: Uint8Array): number {
  return load()?.write(fd, bytes, bytes.length) ?? -1;
}

/** By hand: the first use of a DataView, or of another typed array, takes ten microseconds. */
function u32(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let shift = 0; shift < 32; shift += 8) value |= (bytes[at++] as number) << shift;
  return value >>> 0;
}

/** @returns the text as the C library takes it */
function named(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}
