/**
 * The process at the other end of a unix socket. Apart from libc.ts, because every command that
 * uses `econtext up` needs this one call of the C library, and none of the others.
 */
import { dlopen } from "bun:ffi";

export interface Peer {
  readonly pid: number;
  readonly uid: number;
}

/** `socket.h` */
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** `struct ucred`: pid, uid and gid. */
const CREDENTIALS = 3;

const CALLS = {
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
} as const;

let library: ReturnType<typeof open> | undefined;

function open() {
  return dlopen("libc.so.6", CALLS).symbols;
}

/** @returns undefined where the system cannot be asked: no Linux, or no glibc */
export function peerOf(fd: number): Peer | undefined {
  try {
    library ??= open();
    const about = new Int32Array(CREDENTIALS);
    const length = new Uint32Array([about.byteLength]);
    if (library.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, about, length) !== 0) return undefined;
    const [pid = 0, uid = 0] = about;
    return { pid, uid: uid >>> 0 };
  } catch {
    return undefined;
  }
}
