/**
 * The files of a package that becomes real files on the remote machine (`--unpack`): bounded, and sent in pieces. Knows no language.
 * Spec: docs/protocol.md, "Files of forwarded packages".
 */
import { LIMITS } from "../protocol/limits.ts";

/** Which packages a context has as real files. */
export interface Unpacking {
  /** Packages of `node_modules`; Python modules and packages at the top of a root. */
  readonly names: readonly string[];
  /** The folder on the remote machine; undefined: a folder that lives in memory. */
  readonly into: string | undefined;
}

const MAX_TOTAL_BYTES = 512 * 1024 * 1024;
const MAX_PIECE_BYTES = 16 * 1024 * 1024;
/** A file travels in one message, with some room for its path. */
export const MAX_FILE_BYTES = LIMITS.maxMessageBytes - MAX_PIECE_BYTES;

export class UnpackList<File extends { readonly size: number }> {
  readonly #files: File[] = [];
  #left = MAX_TOTAL_BYTES;

  /** @returns false when the files are too large, together or this one: nothing of the package is sent then */
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

  /** The next files after the first `done`, at least one; none at the end. */
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
