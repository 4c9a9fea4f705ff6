/**
 * Runs in the master and, joined by scripts/shared-modules.ts, in JavaScript slaves.
 *
 * A file that appears under its name only once it is complete. It is written under another name in
 * the same folder and then renamed, so a reader sees either the old file or the whole new one.
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsync,
  ftruncateSync,
  lstatSync,
  open,
  openSync,
  renameSync,
  symlinkSync,
} from "node:fs";
import { closeQuietly, FileProblem, readNext, writeAll, writeAllAt, writeAt } from "./disk.ts";
import { setMode, setTime } from "./mode.ts";
import { onDisk } from "./paths.ts";
import { remove, resumableOf, temporaryOf } from "./stale-files.ts";

/** How many bytes of a large file are written before the disk is asked to store them. */
const FLUSH_BYTES = 32 << 20;
const COPY_BYTES = 1 << 20;
const NEW = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;

interface AtomicFilePlan {
  readonly target: string;
  readonly mode: number;
  /** Modification time in seconds since 1970; null leaves the time of writing. */
  readonly mtime: number | null;
  /** Whether a file or link at `target` is replaced. */
  readonly replaces: boolean;
  /** Whether the content comes in pieces, by `write` and `skip`, and not by one `fill`. */
  readonly isLarge: boolean;
  /** Whether pieces can also be spliced past `write`: see `PieceFile`. */
  readonly isSpliced: boolean;
  /** Whether an unfinished file is kept, so that a later copy can continue it. */
  readonly isKept: boolean;
  /** How many bytes an earlier, interrupted copy has left; writing continues after them. */
  readonly begin: number;
  /** The open unfinished file, if `begin` is not 0. It is closed with this file. */
  readonly unfinished: number | undefined;
}

export class AtomicFile {
  readonly #plan: AtomicFilePlan;
  #path: string;
  #isKept: boolean;
  #fd: number | undefined;
  #at: number;
  /** The position up to which the disk was asked to store the file. */
  #flushedTo: number;
  /** Why spliced bytes are missing. */
  #failure: { readonly error: unknown } | undefined;

  /** Creates the temporary file, or continues the unfinished one. @throws the system's error */
  constructor(plan: AtomicFilePlan) {
    this.#plan = plan;
    this.#isKept = plan.isKept;
    this.#path = plan.isKept ? resumableOf(plan.target) : temporaryOf(plan.target);
    this.#at = plan.begin;
    this.#flushedTo = plan.begin;
    this.#fd = plan.unfinished ?? this.#make();
  }

  #make(): number {
    const own = temporaryOf(this.#plan.target);
    const fd = openSync(onDisk(own), NEW, 0o600);
    try {
      if (this.#isKept) renameSync(onDisk(own), onDisk(this.#path));
      else this.#path = own;
    } catch {
      // The name cannot be used. The copy can succeed, but it cannot be continued.
      this.#path = own;
      this.#isKept = false;
    }
    return fd;
  }

  /** Writes the whole content of a small file. @throws the system's error */
  fill(data: Uint8Array): void {
    if (this.#fd !== undefined) writeAll(this.#fd, data);
  }

  /** The open file; undefined once it is finished or abandoned. */
  get fd(): number | undefined {
    return this.#fd;
  }

  /** The position of the next byte. */
  get at(): number {
    return this.#at;
  }

  /** Appends one piece of a large file. @throws the system's error */
  async write(piece: Uint8Array): Promise<void> {
    this.#check();
    if (this.#fd === undefined) return;
    // Where other pieces are spliced, they would all wait behind a worker thread.
    if (this.#plan.isSpliced) writeAllAt(this.#fd, piece, this.#at);
    else await writeAt(this.#fd, piece, this.#at);
    this.wrote(piece.length);
  }

  /** So many bytes were written at `at`. */
  wrote(bytes: number): void {
    this.#at += bytes;
    if (this.#at - this.#flushedTo < FLUSH_BYTES) return;
    this.#flushedTo = this.#at;
    startFlush(this.#path);
  }

  /** Bytes could not be written at `at`: `write` and `finish` throw this error. */
  failed(error: unknown): void {
    this.#failure ??= { error };
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Leaves a hole: the next piece is written `bytes` further on. */
  skip(bytes: number): void {
    this.#at += bytes;
  }

  /**
   * Gives the file its mode, its time and its final name.
   *
   * @returns a promise only if the disk has to be waited for
   * @throws the system's error; the temporary file is then removed by this or by `abandon`
   */
  finish(): Promise<void> | undefined {
    this.#check();
    const fd = this.#fd;
    if (fd === undefined) return undefined;
    if (this.#isKept) return this.#claim(fd).then(() => this.finish());
    const { isLarge, mode, mtime, replaces } = this.#plan;
    // The file may end with a hole, and a continued file may be longer than its new content.
    if (isLarge) ftruncateSync(fd, this.#at);
    let problem: FileProblem | undefined;
    try {
      setMode(fd, mode);
    } catch (error) {
      if (!(error instanceof FileProblem)) throw error;
      problem = error;
    }
    if (mtime !== null) setTime(fd, mtime);
    if (!isLarge && !replaces) return this.#rename(fd, problem);
    // Without this, a power failure may leave neither the old file nor the new one.
    return new Promise<void>((resolve, reject) => {
      fsync(fd, (error) => (error ? reject(error) : resolve()));
    }).then(() => this.#rename(fd, problem));
  }

  /**
   * Gives a file that was kept a name that no other copy uses. If another copy of the same file has
   * taken the common name, the content is copied from the open file.
   */
  async #claim(fd: number): Promise<void> {
    const own = temporaryOf(this.#plan.target);
    const isOurs = takesName(fd, this.#path, own);
    this.#path = own;
    this.#isKept = false;
    if (isOurs) return;
    const anew = openSync(onDisk(own), NEW, 0o600);
    this.#fd = anew;
    try {
      for (let at = 0; at < this.#at; ) {
        const bytes = await readNext(fd, Math.min(COPY_BYTES, this.#at - at), at);
        // A hole at the end.
        if (bytes.length === 0) break;
        await writeAt(anew, bytes, at);
        at += bytes.length;
      }
    } finally {
      closeQuietly(fd);
    }
  }

  /** @param problem thrown after the rename: the file is there, but not quite as its source */
  #rename(fd: number, problem: FileProblem | undefined): undefined {
    this.#fd = undefined;
    try {
      // A file system of the network may report only now that there is no room.
      closeSync(fd);
      renameSync(onDisk(this.#path), onDisk(this.#plan.target));
    } catch (error) {
      remove(this.#path);
      throw error;
    }
    if (problem !== undefined) throw problem;
  }

  /** Closes an unfinished file, and removes it unless the plan keeps it. */
  abandon(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd === undefined) return;
    closeQuietly(fd);
    if (!this.#isKept) remove(this.#path);
  }
}

/** Renames an open file, if `path` is its name still. @returns whether that was so */
function takesName(fd: number, path: string, own: string): boolean {
  if (!isNameOf(fd, path)) return false;
  try {
    renameSync(onDisk(path), onDisk(own));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return false;
  }
  if (isNameOf(fd, own)) return true;
  // Another copy was faster, and the file is that copy's.
  renameSync(onDisk(own), onDisk(path));
  return false;
}

function isNameOf(fd: number, path: string): boolean {
  const found = lstatSync(onDisk(path), { throwIfNoEntry: false, bigint: true });
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return found?.dev === dev && found.ino === ino;
}

/**
 * Has the disk store the file while more of it comes. Otherwise the final fsync would wait for all
 * of it. Errors are ignored here, because the final fsync reports them too.
 */
function startFlush(path: string): void {
  open(onDisk(path), (error, fd) => {
    if (error === null) fsync(fd, () => closeQuietly(fd));
  });
}

/** Makes a symbolic link, also in place of a file or link. @throws the system's error */
export function makeLink(target: string, to: string): void {
  const temporary = temporaryOf(target);
  symlinkSync(onDisk(to), onDisk(temporary));
  try {
    renameSync(onDisk(temporary), onDisk(target));
  } catch (error) {
    remove(temporary);
    throw error;
  }
}
