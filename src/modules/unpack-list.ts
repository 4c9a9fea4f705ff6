/**
 * The files of a package that is unpacked on the remote machine (`--unpack`). Bounds their size and
 * splits them into messages. Knows no language. Spec: docs/protocol.md, "Files of forwarded
 * packages".
 */
import { LIMITS } from "../protocol/limits.ts";

/** The packages that a context gets as real files. */
export interface Unpacking {
  /**
   * Names of packages in `node_modules`, or of Python modules and packages at the top of a root.
   */
  readonly names: readonly string[];
  /** The folder on the remote machine; undefined for a folder in memory. */
  readonly into: string | undefined;
}

const MAX_TOTAL_BYTES = 512 * 1024 * 1024;
const MAX_PIECE_BYTES = 16 * 1024 * 1024;
/** The most bytes of a file: a file is sent in one message, with some room for its path. */
export const MAX_FILE_BYTES = LIMITS.maxMessageBytes - MAX_PIECE_BYTES;

export class UnpackList<File extends { readonly size: number }> {
  readonly #files: File[] = [];
  #left = MAX_TOTAL_BYTES;

  /**
   * Adds a file.
   *
   * @returns false if this file or all files together are too large: then no file is sent
   */
  add(file: File): boolean {
    this.#left -= file.size > MAX_FILE_BYTES ? Number.POSITIVE_INFINITY : file.size;
    if (this.isSendable) this.#files.push(file);
    return this.isSendable;
  }

  get isSendable(): boolean {
    return this.#left >= 0;
  }

  get isEmpty(): boolean {
    return this.#files.length === 0;
  }

  /** The files for the next message, after the first `done` files. Empty only at the end. */
  piece(done: number): File[] {
    let left = MAX_PIECE_BYTES;
    const rest = this.#files.slice(done);
    const end = rest.findIndex(({ size }, i) => {
      left -= size;
      return i > 0 && left < 0;
    });
    return end < 0 ? rest : rest.slice(0, end);
  }
}
