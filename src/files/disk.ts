/** What reader and writer of a copy do with this disk, beyond what node:fs has: reading to the end, hashes, and reasons in words. */
import { createHash } from "node:crypto";
import { closeSync, constants, openSync, read, readSync, write, writeSync } from "node:fs";
import { getSystemErrorMap } from "node:util";
import { onDisk } from "./paths.ts";

const HASH_BYTES = 1 << 20;

/** Why it failed, as the system puts it. */
export function reason(error: unknown): string {
  const { errno, message } = error as { readonly errno?: unknown; readonly message?: unknown };
  const known = typeof errno === "number" ? getSystemErrorMap().get(-Math.abs(errno)) : undefined;
  if (known === undefined) return String(message ?? error);
  const [, words] = known;
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Whether the system said it, and not a flaw of ours. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return typeof (error as NodeJS.ErrnoException)?.syscall === "string" || isRefusal(error);
}

/** What the system would allow, and a copy does not. */
export class Refusal extends Error {}

function isRefusal(error: unknown): boolean {
  return error instanceof Refusal;
}

/** Open what is a file and no link; never waits for the other end of a pipe. */
export function openPlain(path: string, flags: number = constants.O_RDONLY): number {
  return openSync(onDisk(path), flags | constants.O_NOFOLLOW | constants.O_NONBLOCK);
}

/** Up to `max` bytes, fewer only at the end of the file. */
export function readUpTo(fd: number, max: number): Uint8Array {
  const bytes = new Uint8Array(max);
  let length = 0;
  while (length < max) {
    const more = readSync(fd, bytes, length, max - length, null);
    if (more === 0) break;
    length += more;
  }
  return bytes.subarray(0, length);
}

/** The next bytes from `at`; none at the end. Does not hold up what else this process does. */
export function readNext(fd: number, max: number, at: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(max);
  return new Promise((resolve, reject) => {
    read(fd, bytes, 0, max, at, (error, length) => {
      if (error) reject(error);
      else resolve(bytes.subarray(0, length));
    });
  });
}

/** Write all of a small file. */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at);
}

/** Write all of a piece at `position`. */
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

/** Of so many bytes from the beginning. */
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

/** Close what another error must not be hidden by. */
export function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // It is gone, whatever it says.
  }
}
