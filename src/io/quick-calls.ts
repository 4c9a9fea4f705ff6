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
const O_ACCMODE = 3;
const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const F_GETFD = 1;
const FD_CLOEXEC = 1;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const F_GETFL = 3;
const F_SETFL = 4;
/** `sys/socket.h` */
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const MSG_NOSIGNAL = 0x4000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;
/** `struct ucred`: pid, uid and gid, four bytes each. */
const CREDENTIALS_WORDS = 3;
/** Type, mode, owner, size, times and device number. */
const STATX_BASIC_STATS = 0x7ff;
/** Four bytes each: this is how the fields of `struct statx` that count here are read. */
const STATX_WORDS = 64;
/** Number of /dev/null on Linux. */
const NULL_DEVICE = 0x103;
/** More than a `struct termios` takes. */
const TERMIOS_BYTES = 128;

const CALLS = {
  close: { args: ["i32"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  open: { args: ["ptr", "i32"], returns: "i32" },
  read: { args: ["i32", "ptr", "usize"], returns: "i32" },
  send: { args: ["i32", "ptr", "usize", "i32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
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

/** Whether it is the status of /dev/null. */
export function isNull(status: Status | undefined): boolean {
  return status?.kind === "device" && status.device === NULL_DEVICE;
}

/** @returns the status of a descriptor; undefined: it is not known */
export function statusOf(fd: number): Status | undefined {
  return statx(fd, "", AT_EMPTY_PATH);
}

function statx(fd: number, path: string, flags: number): Status | undefined {
  // Without a loop or a small function: the runtime would start a thread that compiles it.
  const words = new Uint32Array(STATX_WORDS);
  const result = load()?.statx(fd, named(path), flags, STATX_BASIC_STATS, words) ?? -1;
  if (result !== 0) return undefined;
  // `struct statx` is the same on all processors.
  const mode = (words[7] as number) & 0xffff;
  return {
    kind: kindOf(mode),
    mode: mode & PERMISSIONS,
    uid: words[5] as number,
    size: (words[11] as number) * 2 ** 32 + (words[10] as number),
    changed: `${words[28]}.${words[30]}`,
    device: (words[32] as number) * 256 + (words[33] as number),
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
  const about = new Uint32Array(CREDENTIALS_WORDS);
  const length = new Uint32Array([about.byteLength]);
  const result = load()?.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, about, length) ?? -1;
  const [pid = 0, uid = 0] = about;
  return result === 0 ? { pid, uid } : undefined;
}

/** Whether it is a process of this user; true where the system cannot be asked. */
export function isOwn(peer: Peer | undefined): boolean {
  return peer === undefined || peer.uid === process.getuid?.();
}

/** @returns undefined where the system cannot be asked */
export function isTerminal(fd: number): boolean | undefined {
  const calls = load();
  return calls === null ? undefined : calls.tcgetattr(fd, new Uint8Array(TERMIOS_BYTES)) === 0;
}

/** Whether a child of this process would not get the descriptor. */
export function closesAtExec(fd: number): boolean {
  const flags = load()?.fcntl(fd, F_GETFD, 0) ?? -1;
  return flags >= 0 && (flags & FD_CLOEXEC) !== 0;
}

/**
 * Whether bytes can be read from a descriptor: it is open for that, and is no folder.
 *
 * @returns true where the system cannot be asked
 */
export function canBeRead(fd: number): boolean {
  const calls = load();
  if (calls === null) return true;
  const flags = calls.fcntl(fd, F_GETFL, 0);
  return flags >= 0 && (flags & O_ACCMODE) !== O_WRONLY && statusOf(fd)?.kind !== "folder";
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

/**
 * Connects to a unix socket. The descriptor blocks: it is for a process that has nothing else to do
 * than to wait for an answer.
 *
 * @param seconds that this call, and each one with the descriptor, may take
 * @returns -1: no process listens there; undefined: the system cannot be asked
 */
export function connectTo(path: string, seconds: number): number | undefined {
  const calls = load();
  if (calls === null) return undefined;
  const fd = calls.socket(AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0);
  // `struct timeval`: seconds and microseconds.
  const time = new BigInt64Array([BigInt(seconds), 0n]);
  calls.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, time, time.byteLength);
  calls.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, time, time.byteLength);
  // `struct sockaddr_un`: the family, low byte first as on all that Bun runs on; the path.
  const address = named(`__${path}`);
  address[0] = AF_UNIX;
  address[1] = 0;
  if (fd < 0 || calls.connect(fd, address, address.length) === 0) return fd;
  calls.close(fd);
  return -1;
}

/** @returns whether all of it is sent: the descriptor blocks */
export function sendAll(fd: number, bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; ) {
    const rest = bytes.subarray(at);
    const sent = load()?.send(fd, rest, rest.length, MSG_NOSIGNAL) ?? -1;
    if (sent < 0) return false;
    at += sent;
  }
  return true;
}

/** From now on, calls with this descriptor do not wait: it is given to the event loop. */
export function unblock(fd: number): void {
  const flags = load()?.fcntl(fd, F_GETFL, 0) ?? 0;
  load()?.fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

export function closeNow(fd: number): void {
  load()?.close(fd);
}

/** @returns the text as the C library takes it */
function named(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}
