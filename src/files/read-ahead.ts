/**
 * Read-ahead: the reader of a copy begins while the writer's context still connects. Its first
 * messages wait here until the writer has said where they go.
 */
import { Sender, type SendTarget } from "../channels/channel.ts";
import { costOf } from "./tape.ts";

/** Bytes that are read ahead: as many as the window of ssh takes at once. */
const MAX_BYTES = 1 << 21;

interface Waiting {
  readonly value: unknown;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** Whether a copy reads ahead. Only one does, because it holds memory while it waits. */
let isTaken = false;

export class ReadAhead implements SendTarget {
  /** What the reader sends to. */
  readonly sender = new Sender(this);
  #bytes = 0;
  #waiting: Waiting[] = [];
  #closing: { readonly error: unknown } | undefined;
  /** The writer's sender, once it is known. */
  #to: Sender | undefined;
  #refusal: { readonly error: unknown } | undefined;

  /** @returns undefined if another copy reads ahead */
  static begin(): ReadAhead | undefined {
    return isTaken ? undefined : new ReadAhead();
  }

  private constructor() {
    isTaken = true;
  }

  get closed(): boolean {
    return this.#to?.closed ?? (this.#closing ?? this.#refusal) !== undefined;
  }

  async send(value: unknown): Promise<void> {
    if (this.#to !== undefined) return this.#to.send(value);
    if (this.#refusal !== undefined) throw this.#refusal.error;
    this.#bytes += costOf(value);
    const sent = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ value, resolve, reject });
    });
    // It also fails for a reader that does not wait: the next message tells that reader.
    sent.catch(() => {});
    if (this.#bytes >= MAX_BYTES) await sent;
  }

  close(error?: unknown): void {
    if (this.#to !== undefined) this.#to.close(error);
    else this.#closing ??= { error };
  }

  /** The writer is there: all that waits goes to `sender`, and so does all that follows. */
  lead(sender: Sender): void {
    isTaken = false;
    this.#to = sender;
    for (const { value, resolve, reject } of this.#waiting.splice(0)) {
      sender.send(value).then(resolve, reject);
    }
    if (this.#closing !== undefined) sender.close(this.#closing.error);
  }

  /** There will be no writer, for this reason. Idempotent; without effect after `lead`. */
  drop(error: unknown): void {
    if (this.#to !== undefined || this.#refusal !== undefined) return;
    isTaken = false;
    this.#refusal = { error };
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
