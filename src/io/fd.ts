/**
 * Descriptors of this process: pipes are written at once, as far as they take it, without a worker
 * thread in between.
 */
import { fstatSync, constants as modes, openSync, writeSync } from "node:fs";
import { hasCalls, terminalAttributes, waitToWrite } from "./libc.ts";

/**
 * Milliseconds until a descriptor is tried again, where the system cannot be asked to wait for it.
 */
const BUSY_MS = 5;
/** A pipe that takes anything takes so many bytes. */
const PAGE = 4096;
/** Number of /dev/null on Linux. */
const NULL_DEVICE = 0x103;
/** For `poll`. */
const FOREVER = -1;

/**
 * Opens the pipe that `fd` is once more, not blocking. Others may share the descriptor that we were
 * given, and rely on that it blocks.
 *
 * @returns undefined if `fd` is not a pipe, or this system cannot do it
 */
export function openNonBlocking(fd: number, mode: "read" | "write"): number | undefined {
  try {
    if (!fstatSync(fd).isFIFO()) return undefined;
    const flags = mode === "read" ? modes.O_RDONLY : modes.O_WRONLY;
    return openSync(`/proc/self/fd/${String(fd)}`, flags | modes.O_NONBLOCK);
  } catch {
    return undefined;
  }
}

export function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

export function isFolder(fd: number): boolean {
  try {
    return fstatSync(fd).isDirectory();
  } catch {
    return false;
  }
}

export function isPipe(fd: number): boolean {
  try {
    return fstatSync(fd).isFIFO();
  } catch {
    return false;
  }
}

/** @returns whether a write to it never waits for a reader: it is a file, or /dev/null */
export function isPatient(fd: number): boolean {
  return isFile(fd) || isNull(fd);
}

/** Whether it is /dev/null. */
export function isNull(fd: number): boolean {
  try {
    const status = fstatSync(fd);
    return status.isCharacterDevice() && status.rdev === NULL_DEVICE;
  } catch {
    return false;
  }
}

/** Does not load node:tty, which would delay the start of every command by milliseconds. */
export function isTerminal(fd: number): boolean {
  try {
    if (!fstatSync(fd).isCharacterDevice()) return false;
  } catch {
    return false;
  }
  if (hasCalls()) return terminalAttributes(fd) !== undefined;
  return (require("node:tty") as typeof import("node:tty")).isatty(fd);
}

/**
 * Writes as much as the descriptor takes now.
 *
 * @returns the number of bytes; an error is met by the write of the rest
 */
export function writeQuickly(fd: number, data: Uint8Array): number {
  let at = 0;
  try {
    while (at < data.length) at += writeSync(fd, data, at, data.length - at);
  } catch {}
  return at;
}

/** Writes to one descriptor. A write is over when `write` returns, however slow the reader. */
export class BlockingWriter {
  readonly #fd: number;
  /** The same pipe, not blocking. -1: there is none; undefined: not yet opened. */
  #quick: number | undefined;
  #isFile = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** @throws the system's error: `EPIPE` when the reader is gone */
  write(data: Uint8Array): void {
    for (let at = 0; at < data.length; ) {
      at += this.ready(data, at);
      if (at < data.length && waitToWrite(this.#fd, FOREVER) === undefined) Bun.sleepSync(BUSY_MS);
    }
  }

  /**
   * Writes what the reader has room for now, from `at` on.
   *
   * @returns the number of bytes written
   * @throws the system's error
   */
  ready(data: Uint8Array, at: number): number {
    this.#quick ??= this.#open();
    let done = at;
    while (done < data.length) {
      const fd = this.#quick < 0 ? this.#fd : this.#quick;
      const isWhole = this.#quick >= 0 || this.#isFile;
      // A descriptor that others share may block: when it is ready, it takes at least a page.
      if (!isWhole && waitToWrite(fd, 0) === false) break;
      const size = isWhole ? data.length - done : Math.min(PAGE, data.length - done);
      const written = writeSome(fd, data, done, size);
      if (written === 0) break;
      done += written;
    }
    return done - at;
  }

  #open(): number {
    this.#isFile = isFile(this.#fd);
    return openNonBlocking(this.#fd, "write") ?? -1;
  }
}

/** @returns 0 if the write would block */
function writeSome(fd: number, data: Uint8Array, at: number, size: number): number {
  try {
    return writeSync(fd, data, at, size);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return 0;
    throw error;
  }
}
