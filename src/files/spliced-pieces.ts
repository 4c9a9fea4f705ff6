/**
 * Zero copy for the large files of a copy: splice(2) moves their bytes between the connection and
 * the file, through a pipe of this process. Runs in the master alone. Linux; elsewhere the bytes
 * are read and written. Twin: stage1/python/tier2/file_splice.py.
 */
import { readSync, writeSync } from "node:fs";
import { orAborted } from "../io/abort.ts";
import { makePipe, splice, spliceToFile, widen } from "../io/libc.ts";
import { type Chunk, PIECE_BYTES, SplicePipe, type SpliceSink } from "../io/splice-pipe.ts";
import { readNext } from "./disk.ts";
import { CHUNK, type PieceFile } from "./records.ts";

/** Bytes that are read at a time out of the pipe if the file cannot be spliced to. */
const READ_BYTES = 65536;

/** The pipe of all copies: each `spliceFrom` empties it. `null` if none can be made. */
let common: readonly [number, number] | null | undefined;

function commonPipe(): readonly [number, number] | null {
  if (common === undefined) {
    common = makePipe() ?? null;
    if (common !== null) widen(common[0]);
  }
  return common;
}

/** Takes pieces of a file from the connection. */
export class FileSink implements SpliceSink {
  readonly #file: PieceFile;
  readonly #fd: number;
  #canSplice = true;

  /** @param fd the descriptor of the file */
  constructor(file: PieceFile, fd: number) {
    this.#file = file;
    this.#fd = fd;
  }

  get canSplice(): boolean {
    return this.#canSplice && commonPipe() !== null;
  }

  spliceFrom(from: number, bytes: number): number | undefined {
    const ends = commonPipe();
    if (!this.#canSplice || ends === null) return undefined;
    const moved = splice(from, ends[1], bytes);
    if (moved !== undefined && moved > 0) this.#empty(ends[0], moved);
    return moved;
  }

  /** Writes what is in the pipe to the file. After an error, the next pieces are read. */
  #empty(from: number, bytes: number): void {
    const file = this.#file;
    const fd = this.#fd;
    for (let left = bytes; left > 0; ) {
      const moved = this.#canSplice ? (spliceToFile(from, fd, file.at(), left) ?? 0) : 0;
      if (moved > 0) {
        left -= moved;
        file.wrote(moved);
        continue;
      }
      // Not every file can be spliced to. If the disk refuses the bytes, to write them says why.
      this.#canSplice = false;
      left -= this.#copy(from, left);
    }
  }

  /** @returns the number of bytes that were taken out of the pipe */
  #copy(from: number, most: number): number {
    const bytes = new Uint8Array(Math.min(most, READ_BYTES));
    const got = readSync(from, bytes, 0, bytes.length, null);
    try {
      for (let at = 0; at < got; ) {
        const written = writeSync(this.#fd, bytes, at, got - at, this.#file.at());
        this.#file.wrote(written);
        at += written;
      }
    } catch (error) {
      this.#file.failed(error);
    }
    return got;
  }
}

/**
 * Yields the bytes of a file from `begin` on, for one reader that uses them in this order. They are
 * not read if they can be spliced.
 *
 * @throws the system's error; why the signal was aborted
 */
export async function* splicedPieces(
  fd: number,
  begin: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Chunk, void> {
  const pipe = SplicePipe.open();
  try {
    for (let at = begin; ; ) {
      const moved = pipe?.spliceFromFile(fd, at);
      if (pipe === undefined || moved === undefined) {
        const piece = await readNext(fd, CHUNK, at);
        if (piece.length === 0) return;
        at += piece.length;
        yield piece;
        continue;
      }
      if (moved === 0) return;
      at += moved;
      yield* pipe.takeAll(PIECE_BYTES);
      signal?.throwIfAborted();
      // A connection that is lost never takes the bytes that wait.
      await (signal === undefined ? pipe.empty() : orAborted(pipe.empty(), signal));
    }
  } finally {
    pipe?.close();
  }
}
