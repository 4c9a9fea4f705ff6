/**
 * Runs in the master and, joined by scripts/shared-modules.ts, in JavaScript slaves.
 *
 * What a copy needs of the disk beyond node:fs: reading and writing to the end, hashes, and the
 * system's reasons in words.
 */
import { createHash } from "node:crypto";
import { closeSync, constants, openSync, read, readSync, write, writeSync } from "node:fs";
import { getSystemErrorMap } from "node:util";
import { onDisk } from "./paths.ts";

const HASH_BYTES = 1 << 20;

/** What the C library says where the words of the runtime are others. */
const SYSTEM_WORDS: Readonly<Record<string, string>> = {
  EBUSY: "Device or resource busy",
  EEXIST: "File exists",
  EIO: "Input/output error",
  EISDIR: "Is a directory",
  ELOOP: "Too many levels of symbolic links",
  ENAMETOOLONG: "File name too long",
  ENOTSUP: "Operation not supported",
  ETXTBSY: "Text file busy",
  EXDEV: "Invalid cross-device link",
};

/** The reason of an error in the system's words, such as "Permission denied". */
export function reason(error: unknown): string {
  const { errno, message } = error as { readonly errno?: unknown; readonly message?: unknown };
  const known = typeof errno === "number" ? getSystemErrorMap().get(-Math.abs(errno)) : undefined;
  if (known === undefined) return String(message ?? error);
  const [name, words] = known;
  return SYSTEM_WORDS[name] ?? words.charAt(0).toUpperCase() + words.slice(1);
}

/** Whether an error concerns one file. Any other error is a fault of econtext. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  const isOfSystem = typeof (error as NodeJS.ErrnoException)?.syscall === "string";
  return isOfSystem || error instanceof FileProblem;
}

/** A problem with one file that the system would accept and a copy does not. */
export class FileProblem extends Error {}

/** Opens a file. Fails for a symbolic link, and never waits for the other end of a pipe. */
export function openPlain(path: string, flags: number = constants.O_RDONLY): number {
  return openSync(onDisk(path), flags | constants.O_NOFOLLOW | constants.O_NONBLOCK);
}

/** What `readUpTo` reads into: new memory is cleared, which takes longer than a small copy. */
let scratch = new Uint8Array(0);

/** Reads up to `max` bytes; fewer only at the end of the file. */
export function readUpTo(fd: number, max: number): Uint8Array {
  if (scratch.length < max) scratch = new Uint8Array(max);
  let length = 0;
  while (length < max) {
    const more = readSync(fd, scratch, length, max - length, null);
    if (more === 0) break;
    length += more;
  }
  return scratch.slice(0, length);
}

/** Reads up to `max` bytes at position `at`, without blocking this process; none at the end. */
export function readNext(fd: number, max: number, at: number): Promise<Uint8Array> {
  // Not cleared: it is read into, and no more of it is shown.
  const bytes = Buffer.allocUnsafeSlow(max);
  return new Promise((resolve, reject) => {
    read(fd, bytes, 0, max, at, (error, length) => {
      if (error) reject(error);
      else resolve(bytes.subarray(0, length));
    });
  });
}

/** Writes all bytes, at the position of the descriptor; blocks meanwhile. */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at);
}

/** As `writeAll`, at `position`. */
export function writeAllAt(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length; ) {
    at += writeSync(fd, bytes, at, bytes.length - at, position + at);
  }
}

/** Writes all bytes of a piece at `position`. */
export async function writeAt(fd: number, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += await new Promise<number>((resolve, reject) => {
      write(fd, bytes, at, bytes.length - at, position + at, (error, length) => {
        if (error) reject(error);
        else resolve(length);
      });
    });
  }
}

/** The SHA-256 of the first `size` bytes, in hexadecimal. */
export async function digest(fd: number, size: number): Promise<string> {
  const hash = createHash("sha256");
  for (let at = 0; at < size; ) {
    const bytes = await readNext(fd, Math.min(HASH_BYTES, size - at), at);
    if (bytes.length === 0) break;
    hash.update(bytes);
    at += bytes.length;
  }
  return hash.digest("hex");
}

/** Closes a descriptor after an error, which an error of closing must not hide. */
export function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // The descriptor is closed even if close() reports an error.
  }
}
