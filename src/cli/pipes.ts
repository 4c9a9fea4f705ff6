/** Pipes that are our standard streams: read and written at once, without the detour over a worker thread, as far as they go. Linux; elsewhere none. */
import { dlopen } from "bun:ffi";
import { fstatSync, constants as modes, openSync, readSync, writeSync } from "node:fs";
import { constants } from "node:os";

/** Linux, `fcntl.h`: Node.js has no name for it. */
const F_SETPIPE_SZ = 1031;
/** What any user may have. */
const PIPE_BYTES = 1 << 20;

/**
 * A description of our own, which does not block, of the pipe that `fd` is: others may share the one that we were given, and rely on that it blocks.
 *
 * @returns undefined when it is no pipe, or this system cannot do it
 */
export function openQuick(fd: number, mode: "read" | "write"): number | undefined {
  try {
    if (!fstatSync(fd).isFIFO()) return undefined;
    const flags = mode === "read" ? modes.O_RDONLY : modes.O_WRONLY;
    return openSync(`/proc/self/fd/${String(fd)}`, flags | modes.O_NONBLOCK);
  } catch {
    return undefined;
  }
}

/** What is there. @returns undefined when nothing is; 0 at the end */
export function readQuickly(fd: number, into: Uint8Array, at: number): number | undefined {
  try {
    return readSync(fd, into, at, into.length - at, null);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return undefined;
    throw error;
  }
}

/** As much as it takes. @returns how much that was; what else is wrong, who writes the rest will find */
export function writeQuickly(fd: number, data: Uint8Array): number {
  let at = 0;
  try {
    while (at < data.length) at += writeSync(fd, data, at, data.length - at);
  } catch {}
  return at;
}

/**
 * From now on, who writes to a pipe that nobody reads dies of SIGPIPE, as any filter does. For what runs code of the user's: `console.log` of Bun
 * ignores that nobody reads. Writes to sockets, the streams of contexts among them, say that they want no signal.
 */
export function dieWithReader(): void {
  try {
    const libc = dlopen("libc.so.6", { signal: { args: ["i32", "ptr"], returns: "ptr" } });
    libc.symbols.signal(constants.signals.SIGPIPE, null);
    libc.close();
  } catch {
    // Then it goes on.
  }
}

/** Let it hold more: who fills it and who empties it have to take turns less often. Worth it for who moves megabytes. */
export function widen(fd: number): void {
  try {
    const libc = dlopen("libc.so.6", {
      fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
    });
    libc.symbols.fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
    libc.close();
  } catch {
    // Then it stays as it is.
  }
}
