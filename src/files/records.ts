/**
 * What goes from the reader of a copy to its writer: messages that are each a list of records, or a piece of the file that was begun last.
 * Spec: docs/protocol.md, "Files". Types, and how many small records become one message.
 * Twin: stage1/python/tier2/files.py.
 */
import type { WirePath } from "./paths.ts";

/** What is needed of a sender, here and in a JavaScript context. */
export interface Sends {
  send(value: unknown): Promise<void>;
  close(error?: unknown): void;
  readonly closed: boolean;
}

export interface Receives extends AsyncIterable<unknown> {
  close(error?: unknown): void;
}

export type MakeChannel = () => { readonly sender: Sends; readonly receiver: Receives };

/** Modes are permissions only; times are seconds since 1970. */
export type FileRecord =
  | readonly ["sources", count: number]
  | readonly ["total", files: number, bytes: number]
  | readonly ["dir", WirePath, mode: number, mtime: number]
  | readonly ["link", WirePath, target: WirePath]
  /** Without `data`, what follows is pieces and holes up to "done" or "lost". `begin`: so much of it the writer has. */
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
  /** What has the writer of this? It answers when it is asked, to the sender: lists of [path, bytes, hash]. */
  | readonly ["file?", WirePath, size: number]
  | readonly ["ask", Sends]
  | readonly ["same", WirePath, mode: number, mtime: number]
  | readonly ["error", WirePath, problem: string];

/** Bytes of a file that is one record. */
export const INLINE = 65536;
/** A piece of a larger one: with its header it fits into one frame. */
export const CHUNK = 196608;
/** Records in a message, at most. */
export const BATCH = 256;

export interface ReadOptions {
  /** Folders, too. */
  readonly recursive?: boolean;
  /** Ask the writer what it has. */
  readonly checksum?: boolean;
  /** Patterns and `~` stand for what a shell makes of them. */
  readonly expand?: boolean;
  /** Say first how much it will be. */
  readonly total?: boolean;
}

export interface WriteOptions {
  readonly recursive?: boolean;
  /** Keep what is not finished, and go on with it. */
  readonly resume?: boolean;
  readonly expand?: boolean;
  readonly progress?: boolean;
  /** The destination has to be a folder. */
  readonly into?: boolean;
  /** The destination is the file itself, and no folder that it goes into. */
  readonly exact?: boolean;
  /** What the sources may be called. */
  readonly names?: readonly WirePath[];
}

/** Files written, bytes, files that were there already, and what failed. */
export type Totals = readonly [files: number, bytes: number, same: number, errors: number];

/** Puts small records together. */
export class Batch {
  readonly #sender: Sends;
  #records: FileRecord[] = [];
  #bytes = 0;

  constructor(sender: Sends) {
    this.#sender = sender;
  }

  /** @returns a promise only where it has to be awaited */
  add(record: FileRecord, bytes = 0): Promise<void> | undefined {
    this.#records.push(record);
    this.#bytes += bytes;
    if (this.#bytes >= INLINE || this.#records.length >= BATCH) return this.flush();
    return undefined;
  }

  /** A piece of a file, behind all that was added. */
  async send(piece: Uint8Array): Promise<void> {
    await this.flush();
    await this.#sender.send(piece);
  }

  async flush(): Promise<void> {
    if (this.#records.length === 0) return;
    const records = this.#records;
    this.#records = [];
    this.#bytes = 0;
    await this.#sender.send(records);
  }
}
