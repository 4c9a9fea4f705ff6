/**
 * A kernel pipe used as a buffer: splice(2) moves bytes from standard input into it and from it to
 * the connection, so that they are never copied into this process. Linux only; elsewhere `open`
 * returns undefined, and callers read normally.
 */
import { closeSync, readSync } from "node:fs";
import { makePipe, splice, spliceFile, widen } from "./libc.ts";

/** More than any pipe holds. */
const ALL = 1 << 24;
const PAGE = 4096;

/** Bytes of a piece for `takeAll`: whole pages, and it fits into one frame with its header. */
export const PIECE_BYTES = 258048;

/** Bytes that can be written to a stream. */
export type Chunk = Uint8Array | PipedBytes;

/** Takes bytes from a descriptor without their being read. */
export interface SpliceSink {
  /** Whether `spliceFrom` can move bytes, now or later. If not, they must be read. */
  readonly canSplice: boolean;
  /**
   * Moves at most so many bytes from a descriptor, as far as that can be done at once.
   *
   * @returns the number of bytes; 0 at the end; undefined if no byte is there, there is no room, or
   * other bytes have to come first
   */
  spliceFrom(from: number, bytes: number): number | undefined;
}

/** Closes the pipes whose last piece was dropped without having been used. */
const unused = new FinalizationRegistry((ends: readonly number[]) => ends.forEach(closeSync));

/** A pipe that only this process has. Its pieces must be used in the order in which they came. */
export class SplicePipe {
  readonly #ends: readonly [number, number];
  /** Bytes that belong to no piece yet. */
  #free = 0;
  /** All bytes in the pipe. */
  #held = 0;
  #emptied: (() => void) | undefined;

  /** @returns undefined if no pipe can be made */
  static open(): SplicePipe | undefined {
    const ends = makePipe();
    return ends === undefined ? undefined : new SplicePipe(ends);
  }

  private constructor(ends: readonly [number, number]) {
    this.#ends = ends;
    widen(ends[0]);
    unused.register(this, ends, this);
  }

  /** Resolves when the pipe is empty. Only one caller may wait. */
  empty(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#held === 0) resolve();
      else this.#emptied = resolve;
    });
  }

  /** The number of bytes that `take` can give. */
  get free(): number {
    return this.#free;
  }

  /**
   * Moves bytes into the pipe, as far as there is room.
   *
   * @returns the number of bytes; 0 at the end; undefined if none can be moved now
   */
  spliceFrom(from: number): number | undefined {
    return this.#filled(splice(from, this.#ends[1], ALL));
  }

  /** As `spliceFrom`, from the position `at` of a file. */
  spliceFromFile(file: number, at: number): number | undefined {
    return this.#filled(spliceFile(file, at, this.#ends[1], ALL));
  }

  /** Closes the pipe, now or when the pieces that wait in it are gone. */
  close(): void {
    if (this.#held > 0) return;
    unused.unregister(this);
    for (const end of this.#ends) closeSync(end);
  }

  #filled(moved: number | undefined): number | undefined {
    this.#free += moved ?? 0;
    this.#held += moved ?? 0;
    return moved;
  }

  /**
   * All free bytes, in pieces of at most so many whole pages, and all of about the same size: a
   * small one at the end would have the far side read what is moved past it otherwise.
   */
  *takeAll(most: number): Generator<PipedBytes, void> {
    const count = Math.ceil(this.#free / most);
    const size = Math.ceil(this.#free / count / PAGE) * PAGE;
    while (this.#free > 0) yield this.take(size);
  }

  /** @returns a piece of at most so many free bytes */
  take(bytes: number): PipedBytes {
    const length = Math.min(bytes, this.#free);
    this.#free -= length;
    return new PipedBytes(this.#ends[0], length, (used) => {
      this.#held -= used;
      if (this.#held === 0) this.#emptied?.();
    });
  }
}

/** Bytes that wait in a splice pipe. They can be used once. */
export class PipedBytes {
  /** The number of bytes, used or not. */
  readonly length: number;
  readonly #fd: number;
  readonly #used: (bytes: number) => void;
  #left: number;

  /** Made by `SplicePipe.take`. */
  constructor(fd: number, length: number, used: (bytes: number) => void) {
    this.#fd = fd;
    this.length = length;
    this.#left = length;
    this.#used = used;
  }

  /** The number of bytes that are not used yet. */
  get left(): number {
    return this.#left;
  }

  /** Moves bytes to a descriptor, as far as it takes them at once. */
  spliceTo(fd: number): void {
    while (this.#left > 0) {
      const moved = splice(this.#fd, fd, this.#left) ?? 0;
      if (moved === 0) return;
      this.#spend(moved);
    }
  }

  /** Reads the next bytes, at most so many. */
  read(bytes: number): Uint8Array {
    const into = new Uint8Array(Math.min(bytes, this.#left));
    let got = 0;
    while (got < into.length) got += readSync(this.#fd, into, got, into.length - got, null);
    this.#spend(got);
    return into;
  }

  #spend(bytes: number): void {
    this.#left -= bytes;
    this.#used(bytes);
  }
}
