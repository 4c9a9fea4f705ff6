/**
 * Runs in the master and, joined by scripts/shared-modules.ts, in JavaScript slaves.
 *
 * The messages from the reader of a copy to its writer: a list of records, or a piece of the file
 * that was begun last. Small records are batched into one message. Spec: docs/protocol.md, "Files".
 * Twin: stage1/python/tier2/files.py.
 */
import type { WirePath } from "./paths.ts";

/** The part of a channel's sender that a copy uses, in this process and in a JavaScript slave. */
export interface ValueSender {
  send(value: unknown): Promise<void>;
  close(error?: unknown): void;
  readonly closed: boolean;
}

interface ValueReceiver extends AsyncIterable<unknown> {
  close(error?: unknown): void;
}

/** A large file that is being written. */
export interface PieceFile {
  /** Undefined once the file is finished or given up. */
  readonly fd: number | undefined;
  /** @returns the position of the next byte */
  at(): number;
  /** So many bytes were written there. */
  wrote(bytes: number): void;
  /** Bytes could not be written there. The writer gives the file up with the next message. */
  failed(error: unknown): void;
}

interface ValueChannel {
  readonly sender: ValueSender;
  readonly receiver: ValueReceiver;
  /**
   * Lets its sender have the largest window soon.
   *
   * @param credit so many bytes of it were granted already: the sender knows
   */
  widen(credit: number): void;
  /**
   * Has the pieces of a file spliced to it from now on, while no message waits. Absent where
   * nothing can splice.
   *
   * @param file undefined: pieces are messages again
   */
  spliceTo?(file: PieceFile | undefined): void;
  /** Gives back the memory of a piece that was received, and is not used any more. */
  release(piece: Uint8Array): void;
}

export type MakeChannel = () => ValueChannel;

/** Modes are permissions with setuid, setgid and sticky; times are seconds since 1970. */
export type FileRecord =
  | readonly ["sources", count: number]
  | readonly ["total", files: number, bytes: number]
  | readonly ["dir", WirePath, mode: number, mtime: number]
  | readonly ["link", WirePath, target: WirePath]
  /**
   * Without `data`, pieces and holes follow, up to "done" or "lost". `begin` is the number of bytes
   * that the writer has already.
   */
  | readonly [
      "file",
      WirePath,
      size: number,
      mode: number | null,
      mtime: number | null,
      data: Uint8Array | null,
      begin: number,
    ]
  | readonly ["hole", size: number]
  | readonly ["done"]
  | readonly ["lost"]
  /**
   * Which part of this file has the writer? It answers after "ask", to the sender in that record,
   * with lists of [path, bytes, hash].
   */
  | readonly ["file?", WirePath, size: number]
  | readonly ["ask", ValueSender]
  | readonly ["same", WirePath, mode: number, mtime: number]
  | readonly ["error", WirePath, problem: string];

/** The most bytes of a file that is sent as one record. */
export const INLINE = 65536;
/**
 * Bytes of a piece of a larger file. With its header, a piece fits into one frame, also where a hop
 * keeps it for several contexts (launch/depot.ts).
 */
export const CHUNK = 196608;
/** The most records in a message. */
export const BATCH = 256;

export interface ReadOptions {
  /** Read folders with their content. */
  readonly recursive?: boolean;
  /** Ask the writer which files it has. */
  readonly checksum?: boolean;
  /** Expand patterns and a leading `~` as a shell does. */
  readonly expand?: boolean;
  /** Send the total number of files and bytes first. */
  readonly total?: boolean;
  /** Bytes of credit that the sender has besides those of any sender. */
  readonly credit?: number;
}

export interface WriteOptions {
  /** Bytes of credit that the reader has besides those of any sender. */
  readonly credit?: number;
  readonly recursive?: boolean;
  /** Keep an unfinished file, and continue one that was kept. */
  readonly resume?: boolean;
  readonly expand?: boolean;
  readonly progress?: boolean;
  /** The destination has to be a folder. */
  readonly into?: boolean;
  /** The destination is the file itself and never a folder that it goes into. */
  readonly exact?: boolean;
  /** The only names that sources may have. */
  readonly names?: readonly WirePath[];
}

/** Counts of a finished copy. `same`: files that were at the destination already. */
export type Totals = readonly [files: number, bytes: number, same: number, errors: number];

/** Collects small records into messages. */
export class Batch {
  readonly #sender: ValueSender;
  #records: FileRecord[] = [];
  #bytes = 0;

  constructor(sender: ValueSender) {
    this.#sender = sender;
  }

  /** Adds a record with `bytes` of content. @returns a promise only if it has to be awaited */
  add(record: FileRecord, bytes = 0): Promise<void> | undefined {
    this.#records.push(record);
    this.#bytes += bytes;
    if (this.#bytes >= INLINE || this.#records.length >= BATCH) return this.flush();
    return undefined;
  }

  /** Sends a piece of a file, after the records that were added before. */
  async send(piece: unknown): Promise<void> {
    await this.flush();
    await this.#sender.send(piece);
  }

  async flush(): Promise<void> {
    if (this.#records.length === 0) return;
    const records = this.#records;
    this.#records = [];
    this.#bytes = 0;
    await this.#sender.send(records);
    // Small files are read without waiting: what was sent must leave this process meanwhile.
    await new Promise((resolve) => setImmediate(resolve));
  }
}
