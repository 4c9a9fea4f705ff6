/**
 * A file that is being written: under a name of its own in the folder where it belongs, until it is whole; then it takes the place of what was
 * there. So who looks sees the old or the new one, whatever happens meanwhile.
 */
import { closeSync, constants, fsync, ftruncateSync, open, openSync, renameSync } from "node:fs";
import { closeQuietly, openPlain, Refusal, writeAll, writeAt } from "./disk.ts";
import { setMode, setTime } from "./mode.ts";
import { onDisk } from "./paths.ts";
import { remove, resumableOf, temporaryOf } from "./stale-files.ts";

/** Bytes of a file that the disk is told of before the end. */
const EARLY = 32 << 20;
const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

export interface PartPlan {
  readonly target: string;
  readonly mode: number;
  /** Seconds since 1970; null: now. */
  readonly mtime: number | null;
  /** Whether there is something that it takes the place of. */
  readonly replaces: boolean;
  /** It comes in pieces. */
  readonly isLarge: boolean;
  /** When it is not finished, for another time. */
  readonly isKept: boolean;
  /** So much of it is there from the last time. */
  readonly begin: number;
}

export class Part {
  readonly #plan: PartPlan;
  readonly #path: string;
  #fd: number | undefined;
  #at: number;
  /** How much of it the disk was told of. */
  #told: number;

  /** @throws the system's error */
  constructor(plan: PartPlan) {
    this.#plan = plan;
    this.#path = plan.isKept ? resumableOf(plan.target) : temporaryOf(plan.target);
    this.#at = plan.begin;
    this.#told = plan.begin;
    if (plan.begin > 0) this.#fd = openPlain(this.#path, constants.O_WRONLY);
    else {
      if (plan.isKept) remove(this.#path);
      this.#fd = openSync(onDisk(this.#path), NEW, 0o600);
    }
  }

  /** All of a small one. */
  fill(data: Uint8Array): void {
    if (this.#fd !== undefined) writeAll(this.#fd, data);
  }

  async write(piece: Uint8Array): Promise<void> {
    if (this.#fd === undefined) return;
    await writeAt(this.#fd, piece, this.#at);
    this.#at += piece.length;
    if (this.#at - this.#told < EARLY) return;
    this.#told = this.#at;
    flush(this.#path);
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  /** Put it in its place. @returns a promise only where the disk has to be waited for. @throws the system's error; then it is no more */
  finish(): Promise<void> | undefined {
    const fd = this.#fd;
    if (fd === undefined) return undefined;
    const { isLarge, mode, mtime, replaces } = this.#plan;
    // Behind a hole, and what was there before.
    if (isLarge) ftruncateSync(fd, this.#at);
    let refusal: Refusal | undefined;
    try {
      setMode(fd, mode);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusal = error;
    }
    if (mtime !== null) setTime(fd, mtime);
    if (!isLarge && !replaces) return this.#replace(fd, refusal);
    // Or a power failure may leave neither the old nor the new one.
    return new Promise<void>((resolve, reject) => {
      fsync(fd, (error) => (error ? reject(error) : resolve()));
    }).then(() => this.#replace(fd, refusal));
  }

  /** @param refusal what is to be told of it although it is there */
  #replace(fd: number, refusal: Refusal | undefined): undefined {
    this.#fd = undefined;
    closeSync(fd);
    try {
      renameSync(onDisk(this.#path), onDisk(this.#plan.target));
    } catch (error) {
      remove(this.#path);
      throw error;
    }
    if (refusal !== undefined) throw refusal;
  }

  abandon(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd === undefined) return;
    closeQuietly(fd);
    if (!this.#plan.isKept) remove(this.#path);
  }
}

/** Have the disk write while more of the file comes, or in the end all has to be waited for. Should it fail, the last one says so too. */
function flush(path: string): void {
  open(onDisk(path), (error, fd) => {
    if (error === null) fsync(fd, () => closeQuietly(fd));
  });
}
