/** All that one target has printed and returned, in memory up to a limit. */
import type { Stream, TargetOutput } from "./report.ts";

/** Bytes of one target that are kept. What comes after them is counted, and lost. */
const MAX_BYTES = 16 * 1024 * 1024;

export class Gathered implements TargetOutput {
  readonly values: unknown[] = [];
  readonly #pieces: Record<Stream, Uint8Array[]> = { stdout: [], stderr: [] };
  #size = 0;
  #lost = 0;

  /** Bytes that were lost. */
  get lost(): number {
    return this.#lost;
  }

  write(stream: Stream, chunk: Uint8Array): Promise<void> {
    const kept = chunk.slice(0, MAX_BYTES - this.#size);
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

  text(stream: Stream): string {
    return new TextDecoder().decode(this.bytes(stream));
  }
}
