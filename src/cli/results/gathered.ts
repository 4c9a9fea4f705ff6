/** All that one target has printed and returned, in memory up to a limit. */
import type { Stream, TargetOutput } from "./report.ts";

/** Bytes of one target that are kept. What comes after them is counted, and lost. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Bytes of all targets that are kept at a time. */
const MAX_ALL = 32 * MAX_BYTES;

/** The memory that all targets of a run share. */
export class SharedMemory {
  #free: number;

  constructor(bytes = MAX_ALL) {
    this.#free = bytes;
  }

  /** @returns how many of the bytes may be kept */
  take(bytes: number): number {
    const taken = Math.min(bytes, this.#free);
    this.#free -= taken;
    return taken;
  }

  give(bytes: number): void {
    this.#free += bytes;
  }
}

export class Gathered implements TargetOutput {
  readonly #memory: SharedMemory;
  readonly values: unknown[] = [];
  readonly #pieces: Record<Stream, Uint8Array[]> = { stdout: [], stderr: [] };
  #size = 0;
  #lost = 0;

  constructor(memory = new SharedMemory()) {
    this.#memory = memory;
  }

  /** Bytes that were lost. */
  get lost(): number {
    return this.#lost;
  }

  write(stream: Stream, chunk: Uint8Array): Promise<void> {
    const wanted = Math.min(chunk.length, MAX_BYTES - this.#size);
    const kept = chunk.slice(0, this.#memory.take(wanted));
    this.#size += kept.length;
    this.#lost += chunk.length - kept.length;
    if (kept.length > 0) this.#pieces[stream].push(kept);
    return Promise.resolve();
  }

  value(value: unknown): Promise<void> {
    this.values.push(value);
    return Promise.resolve();
  }

  bytes(stream: Stream): Uint8Array {
    const [only, ...more] = this.#pieces[stream];
    if (only === undefined) return new Uint8Array(0);
    return more.length === 0 ? only : Buffer.concat(this.#pieces[stream]);
  }

  /** All has been shown. */
  release(): void {
    this.#memory.give(this.#size);
  }
}
