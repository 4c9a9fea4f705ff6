/**
 * Bytes that wait in a pipe of this process, on their way from one descriptor to another: they are sent without ever coming into its memory.
 * Linux; elsewhere there is no conduit.
 */
import { readSync } from "node:fs";
import { makePipe, splice, widen } from "./libc.ts";

/** More than any pipe holds. */
const ALL = 1 << 24;

/** What can be written to a stream. */
export type Chunk = Uint8Array | PipedBytes;

/** What takes bytes without their being read. */
export interface SpliceTarget {
  /**
   * Let at most so many come from a descriptor, as far as that can be done at once.
   *
   * @returns how many; 0 at its end; undefined: now there are none, there is no room, or something has to come first
   */
  fill(from: number, bytes: number): number | undefined;
}

/** A pipe to ourselves, for as long as this process lives: what is in it, nobody else can take. Its pieces have to be used in the order in which they were taken. */
export class SplicePipe {
  readonly #ends: readonly [number, number];
  /** Bytes in it that belong to no piece yet. */
  #free = 0;
  /** Bytes in it. */
  #held = 0;
  #emptied: (() => void) | undefined;

  /** @returns undefined where there is none to be had */
  static open(): SplicePipe | undefined {
    const ends = makePipe();
    return ends === undefined ? undefined : new SplicePipe(ends);
  }

  private constructor(ends: readonly [number, number]) {
    this.#ends = ends;
    widen(ends[0]);
  }

  /** Resolves when nothing is in it. For one who waits. */
  empty(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#held === 0) resolve();
      else this.#emptied = resolve;
    });
  }

  /** Bytes that `take` can give. */
  get free(): number {
    return this.#free;
  }

  /** Take in what waits, as far as there is room. @returns how much; 0 at its end; undefined: not now */
  fill(from: number): number | undefined {
    const moved = splice(from, this.#ends[1], ALL);
    this.#free += moved ?? 0;
    this.#held += moved ?? 0;
    return moved;
  }

  /** A piece of what is free, of at most so many bytes. */
  take(bytes: number): PipedBytes {
    const length = Math.min(bytes, this.#free);
    this.#free -= length;
    return new PipedBytes(this.#ends[0], length, (used) => {
      this.#held -= used;
      if (this.#held === 0) this.#emptied?.();
    });
  }
}

/** A piece of what is in a conduit; to be used up once. */
export class PipedBytes {
  /** As it was taken. */
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

  /** Bytes of it that are not used yet. */
  get left(): number {
    return this.#left;
  }

  /** As far as that one takes it at once. */
  moveTo(fd: number): void {
    while (this.#left > 0) {
      const moved = splice(this.#fd, fd, this.#left) ?? 0;
      if (moved === 0) return;
      this.#spend(moved);
    }
  }

  /** The next bytes of it, at most so many, read. */
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
