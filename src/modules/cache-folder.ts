/**
 * A folder that keeps results between runs, in files of checked pieces. They are believed, so only
 * the user may be able to write there. If nothing can be kept, nothing fails. Knows no module.
 */
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

const DAY_MS = 24 * 3600 * 1000;
/** A file that was not used for this time is removed. */
const KEPT_MS = 30 * DAY_MS;
const HEAD = /^([0-9a-z]+) (\d+)$/;

/** What may be done with the files of a folder. */
interface Access {
  /** Whether only this user can have written them. */
  readonly read: boolean;
  readonly write: boolean;
}

export class CacheFolder {
  readonly #root: string;
  readonly #kind: string;
  readonly #folder: string;
  /** Looked at when the folder is first used: most runs send no module. */
  #access: Access | undefined;
  #isPrepared = false;

  /**
   * @param kind what the folder holds; folders of other versions of it are removed when they are
   *   old
   * @param root default: `$XDG_CACHE_HOME/econtext`, or `~/.cache/econtext`
   */
  constructor(kind: string, version: string, root: string | undefined = defaultRoot()) {
    this.#root = root ?? "";
    this.#kind = kind;
    this.#folder = join(this.#root, `${kind}-${version}`);
  }

  get #can(): Access {
    this.#access ??= this.#findAccess();
    return this.#access;
  }

  #findAccess(): Access {
    const owned = this.#root === "" ? [false] : [this.#root, this.#folder].map(isOwn);
    return {
      read: owned.every((one) => one === true),
      // A folder that does not exist yet will be made by the user's own process.
      write: !owned.includes(false),
    };
  }

  /** The pieces of a file, up to the first one that is damaged. */
  read(name: string): Buffer[] {
    if (!this.#can.read) return [];
    try {
      const path = this.#path(name);
      const pieces = piecesOf(readFileSync(path));
      touch(path);
      return pieces;
    } catch {
      return []; // There is no such file.
    }
  }

  /** Makes or replaces a file. */
  write(name: string, pieces: readonly Uint8Array[]): void {
    if (!this.#can.write) return;
    const path = this.#path(name);
    const part = `${path}.${process.pid}`;
    try {
      this.#prepare();
      writeFileSync(part, Buffer.concat(pieces.flatMap(checked)), { mode: 0o600 });
      renameSync(part, path);
    } catch {
      // The disk is full or read-only, or the folder is another user's: keep nothing in this run.
      this.#access = { ...this.#can, write: false };
      try {
        rmSync(part);
      } catch {}
    }
  }

  /** Adds a piece to a file that exists. */
  append(name: string, piece: Uint8Array): void {
    if (!this.#can.write || !this.#can.read) return;
    try {
      const file = openSync(this.#path(name), constants.O_WRONLY | constants.O_APPEND);
      try {
        writeSync(file, Buffer.concat(checked(piece)));
      } finally {
        closeSync(file);
      }
    } catch {
      // The file was removed, or the disk is full: an incomplete piece is not read.
    }
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  /** Makes the folder before the first write. @throws if another user can write to it */
  #prepare(): void {
    if (this.#isPrepared) return;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const isSafe = [this.#root, this.#folder].every((folder) => isOwn(folder) === true);
    this.#access = { ...this.#can, read: isSafe };
    if (!isSafe) throw new Error(`${this.#folder} can be written to by others`);
    this.#isPrepared = true;
    this.#sweep();
  }

  /** Once a day, removes files that are no longer used, and the folders of other versions. */
  #sweep(): void {
    const stamp = join(this.#folder, "swept");
    if (Date.now() - (timeOf(stamp) ?? 0) < DAY_MS) return;
    writeFileSync(stamp, "");
    for (const name of readdirSync(this.#root)) {
      const other = join(this.#root, name);
      if (name.startsWith(`${this.#kind}-`) && other !== this.#folder && isOld(other)) {
        rmSync(other, { recursive: true, force: true });
      }
    }
    for (const name of readdirSync(this.#folder)) {
      const entry = join(this.#folder, name);
      if (isOld(entry)) rmSync(entry, { force: true });
    }
  }
}

/** A piece behind a line with its checksum and its length. */
function checked(piece: Uint8Array): Uint8Array[] {
  return [Buffer.from(`${sumOf(piece)} ${piece.length}\n`), piece];
}

function piecesOf(file: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const end = file.indexOf(10, at);
    const [, sum, size] = HEAD.exec(file.toString("latin1", at, end)) ?? [];
    at = end + 1 + Number(size);
    const piece = file.subarray(end + 1, at);
    if (end < 0 || at > file.length || sum !== sumOf(piece)) break;
    pieces.push(piece);
  }
  return pieces;
}

/** A checksum against damage. It does not protect against other writers: `isOwn` does. */
function sumOf(piece: Uint8Array): string {
  return Bun.hash(piece).toString(36);
}

function defaultRoot(): string | undefined {
  const cache = process.env["XDG_CACHE_HOME"];
  if (cache !== undefined && isAbsolute(cache)) return join(cache, "econtext");
  const home = process.env["HOME"] ?? homedir();
  // A home folder that does not exist is not made: root could.
  return isAbsolute(home) && existsSync(home) ? join(home, ".cache/econtext") : undefined;
}

/**
 * Whether a folder belongs to the user and no other account can write to it. A link is never the
 * user's own.
 *
 * @returns undefined if nothing exists there
 */
function isOwn(folder: string): boolean | undefined {
  try {
    const found = lstatSync(folder);
    const isForUs = found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
    return found.isDirectory() && isForUs;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? undefined : false;
  }
}

/** Notes that a file is in use, so that it is kept. */
function touch(path: string): void {
  const time = timeOf(path);
  if (time === undefined || Date.now() - time < DAY_MS) return;
  try {
    utimesSync(path, new Date(), new Date());
  } catch {}
}

function timeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

function isOld(path: string): boolean {
  return Date.now() - (timeOf(path) ?? 0) > KEPT_MS;
}
