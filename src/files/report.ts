/** Follows a copy by the events of its writer: progress, failures and the result. */
import type { Receiver, Sender } from "../channels/channel.ts";
import { FilesError, ProtocolError } from "../errors.ts";
import { neutralise } from "../text.ts";
import { display, fromWire } from "./paths.ts";

/** How far a copy has come. */
export interface CopyProgress {
  /** The file that is being written; absent between files. */
  readonly path?: string;
  readonly files: number;
  readonly totalFiles: number;
  readonly bytes: number;
  readonly totalBytes: number;
}

/** A file that could not be copied, and the reason. */
export interface CopyFailure {
  /** The name of the context where it failed; "" for this machine. */
  readonly context: string;
  readonly path: string;
  readonly problem: string;
}

/** What a copy has done. */
export interface CopyResult {
  /** The number of files written. */
  readonly files: number;
  readonly bytes: number;
  /** The number of files that were at the destination already. */
  readonly same: number;
}

interface Listeners {
  readonly onProgress?: (progress: CopyProgress) => void;
  readonly onFailure?: (failure: CopyFailure) => void;
}

/** The most failures that the final error lists. */
export const MAX_FAILURES = 1000;

/** One side of a copy. */
interface Side {
  /** The name of the context; "" for this machine. */
  readonly name: string;
  /** @returns a path of this side as the user knows it */
  shown(path: string): string;
}

export class CopyReport {
  readonly #from: Side;
  readonly #to: Side;
  readonly #listeners: Listeners;
  readonly #failures: CopyFailure[] = [];
  #totalFiles = 0;
  #totalBytes = 0;

  constructor(from: Side, to: Side, listeners: Listeners) {
    this.#from = from;
    this.#to = to;
    this.#listeners = listeners;
  }

  /**
   * Follows events until the writer closes them. Calls `begin` once, with the sender for the
   * reader, when the writer is ready.
   */
  async follow(
    events: Receiver<unknown>,
    begin: (writer: Sender) => Promise<unknown>,
  ): Promise<void> {
    let reading: Promise<unknown> | undefined;
    for await (const event of events) {
      const [what, ...words] = Array.isArray(event) ? event : [];
      if (what === "open" && reading === undefined) {
        reading = begin(words[0] as Sender);
        // A reader that fails makes the writer fail, and the writer then ends the events.
        reading.catch(() => {});
      } else if (what === "error") this.#fail(words);
      else if (what === "total") [this.#totalFiles, this.#totalBytes] = words as [number, number];
      else if (what === "progress") this.#progress(words as [number, number, string | null]);
      else
        throw new ProtocolError(
          "ERR_PROTOCOL_VALUE",
          `${this.#to.name}: malformed event of a copy`,
        );
    }
    await reading;
  }

  /** Turns the writer's totals into a result. @throws {FilesError} `ERR_FILES_COPY` */
  conclude(totals: unknown): CopyResult {
    const isRight = Array.isArray(totals) && totals.every((one) => Number.isSafeInteger(one));
    if (!isRight || totals.length !== 4) {
      throw new ProtocolError(
        "ERR_PROTOCOL_VALUE",
        `${this.#to.name}: malformed result of a copy: expected [files, bytes, same, errors]`,
      );
    }
    const [files, bytes, same, errors] = totals as [number, number, number, number];
    if (errors > 0) throw new FilesError(this.#failures, errors);
    return { files, bytes, same };
  }

  #fail([side, path, problem]: readonly unknown[]): void {
    const { name, shown } = side === "from" ? this.#from : this.#to;
    const failure = {
      context: name,
      path: neutralise(shown(display(fromWire(path)))),
      problem: neutralise(String(problem)),
    };
    if (this.#failures.length < MAX_FAILURES) this.#failures.push(failure);
    this.#listeners.onFailure?.(failure);
  }

  #progress([files, bytes, path]: readonly [number, number, unknown]): void {
    this.#listeners.onProgress?.({
      ...(path === null ? {} : { path: neutralise(this.#to.shown(display(fromWire(path)))) }),
      files,
      totalFiles: this.#totalFiles,
      bytes,
      totalBytes: this.#totalBytes,
    });
  }
}
