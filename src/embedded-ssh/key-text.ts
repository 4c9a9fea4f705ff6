/** Reads files of keys. The process has other hosts to serve, so that a read must never wait. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";

/** A pipe or a device stands where a file of keys is expected. */
export class NotAFile extends Error {}

/** The same as `readKeyBytes`, as text. */
export function readKeyText(path: string): string {
  return readKeyBytes(path).toString("latin1");
}

/**
 * Reads a file that holds keys. `/dev/null` counts as an empty one.
 *
 * @throws {NotAFile} the path leads to a pipe, a socket or a device: opening or reading some of
 *   these waits for another process
 * @throws the system's error, for a folder as well
 */
function readKeyBytes(path: string): Buffer {
  if (path === "/dev/null") return Buffer.alloc(0);
  // Without O_NONBLOCK, opening a pipe waits for a writer.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile() && !status.isDirectory())
      throw new NotAFile(`${path}: not a regular file`);
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Errors that say nothing about the file: this process has used up what it may have. */
const SHORTAGES = ["EMFILE", "ENFILE", "ENOMEM"];

export function isShortage(error: unknown): boolean {
  return SHORTAGES.includes((error as NodeJS.ErrnoException).code ?? "");
}

/**
 * The same as `readKeyBytes`; empty if there is no such file, or it may not be read.
 *
 * @throws {NotAFile}
 * @throws the system's error if this process can open no further file. The file may hold what must
 *   not be missed: that a key has changed.
 */
export function readKeyBytesIfAny(path: string): Buffer {
  try {
    return readKeyBytes(path);
  } catch (error) {
    if (error instanceof NotAFile || isShortage(error)) throw error;
    return Buffer.alloc(0);
  }
}
