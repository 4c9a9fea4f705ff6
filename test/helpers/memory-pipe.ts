/**
 * Two pipes in memory that are each other's far end. `room` is how many chunks one takes before its
 * writer has to wait: 0 and 1 uncover deadlocks that a large one hides. A chunk is handed over
 * in a later turn of the event loop, never in `write`.
 */
import type { Duplex, DuplexListener } from "../../src/io/duplex.ts";

export class MemoryPipe implements Duplex {
  readonly #room: number;
  readonly #waiting: Uint8Array[] = [];
  #far: MemoryPipe | undefined;
  #listener: DuplexListener | undefined;
  #paused = false;
  #full = false;
  #busy = false;
  closed = false;
  /** All that was written, chunk by chunk. */
  readonly written: Uint8Array[] = [];

  constructor(room: number) {
    this.#room = room;
  }

  static pair(room: number): [MemoryPipe, MemoryPipe] {
    const pair: [MemoryPipe, MemoryPipe] = [new MemoryPipe(room), new MemoryPipe(room)];
    pair[0].#far = pair[1];
    pair[1].#far = pair[0];
    return pair;
  }

  /** The reader of this end: a test may speak to it as the other end would. */
  get listener(): DuplexListener {
    if (this.#listener === undefined) throw new Error("no listener yet");
    return this.#listener;
  }

  listen(listener: DuplexListener): void {
    this.#listener = listener;
  }

  write(chunk: Uint8Array): boolean {
    if (this.closed) return true;
    if (this.#full) throw new Error("written to before it was drained");
    this.written.push(chunk);
    this.#waiting.push(chunk);
    this.#pump();
    this.#full = this.#waiting.length > this.#room;
    return !this.#full;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    const far = this.#far;
    if (far !== undefined) far.#pump();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#waiting.length = 0;
    setImmediate(() => this.#listener?.closed());
    this.#far?.close();
  }

  #pump(): void {
    if (this.#busy) return;
    this.#busy = true;
    setImmediate(() => {
      this.#busy = false;
      const far = this.#far;
      if (this.closed || far === undefined || far.#paused) return;
      const chunk = this.#waiting.shift();
      if (chunk !== undefined) far.#listener?.data(chunk);
      if (this.#waiting.length > 0) this.#pump();
      if (this.#full && this.#waiting.length <= this.#room) {
        this.#full = false;
        this.#listener?.drained();
      }
    });
  }
}
