/**
 * Tape: one reading of the sources of a copy, for several writers. What the reader sends is kept in
 * memory up to a limit, so that a writer that comes later has it from the beginning. A slow writer
 * holds the reader up only when the limit is reached.
 */
import { markAlike } from "../mux/alike.ts";
import type { ValueSender } from "./records.ts";

/** Bytes that are kept. */
const MAX_KEPT = 1 << 25;
/** What a message costs besides its bytes. */
const MESSAGE_COST = 64;

/** Reads the sources once. Sends all to `to`, until the signal is aborted. */
export type ReadOnce = (to: ValueSender, signal: AbortSignal) => Promise<void>;

export class Tape {
  readonly #max: number;
  readonly #stop = new AbortController();
  readonly #messages: unknown[] = [];
  /** How many messages are gone from the beginning. */
  #gone = 0;
  #bytes = 0;
  /** How far each writer has come: the number of messages that it was sent. */
  readonly #cursors = new Map<ValueSender, number>();
  #end: { readonly error?: unknown } | undefined;
  #change = Promise.withResolvers<void>();

  constructor(read: ReadOnce, max = MAX_KEPT) {
    this.#max = max;
    const recorder: ValueSender = {
      send: (message) => this.#record(message),
      close: (error) => this.#conclude(error === undefined ? {} : { error }),
      closed: false,
    };
    read(recorder, this.#stop.signal).catch((error: unknown) => this.#conclude({ error }));
  }

  /** Whether a writer can still have everything from the beginning. */
  get isWhole(): boolean {
    return this.#gone === 0 && !this.#stop.signal.aborted && this.#end?.error === undefined;
  }

  /** Sends everything to a writer, and closes its sender. @throws why the sources were not read */
  async play(to: ValueSender, signal?: AbortSignal): Promise<void> {
    this.#cursors.set(to, this.#gone);
    try {
      await this.#play(to, signal);
      to.close();
    } catch (error) {
      // A writer that takes no more reports the reason itself.
      if (to.closed && signal?.aborted !== true) return;
      to.close(error);
      throw error;
    } finally {
      this.#cursors.delete(to);
      this.#forget();
    }
  }

  async #play(to: ValueSender, signal: AbortSignal | undefined): Promise<void> {
    for (let at = this.#gone; ; at++) {
      this.#cursors.set(to, at);
      this.#forget();
      while (at >= this.#gone + this.#messages.length) {
        signal?.throwIfAborted();
        if (this.#end !== undefined) {
          if ("error" in this.#end) throw this.#end.error;
          return;
        }
        await this.#change.promise;
      }
      signal?.throwIfAborted();
      await to.send(this.#messages[at - this.#gone]);
    }
  }

  async #record(message: unknown): Promise<void> {
    for (const bytes of bytesIn(message)) markAlike(bytes);
    this.#messages.push(message);
    this.#bytes += costOf(message);
    this.#changed();
    while (this.#bytes > this.#max) {
      this.#forget();
      if (this.#bytes <= this.#max) return;
      // Without a writer, nothing would ever make room.
      if (this.#cursors.size === 0) this.#stop.abort();
      this.#stop.signal.throwIfAborted();
      await this.#change.promise;
    }
  }

  /** Over the limit, what every writer has is dropped. */
  #forget(): void {
    if (this.#bytes <= this.#max) return;
    if (this.#cursors.size === 0) {
      this.#changed();
      return;
    }
    const least = Math.min(...this.#cursors.values());
    while (this.#gone < least && this.#bytes > this.#max) {
      this.#bytes -= costOf(this.#messages.shift());
      this.#gone++;
    }
    this.#changed();
  }

  #conclude(end: { readonly error?: unknown }): void {
    this.#end ??= end;
    this.#changed();
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}

/** The contents of files in a message of a reader: a piece, or the data of small files. */
function bytesIn(message: unknown): Uint8Array[] {
  if (message instanceof Uint8Array) return [message];
  const records = Array.isArray(message) ? message : [];
  return records.flat().filter((part) => part instanceof Uint8Array);
}

/** Bytes of memory that a message of a reader takes. */
export function costOf(message: unknown): number {
  return bytesIn(message).reduce((sum, { length }) => sum + length, MESSAGE_COST);
}
