/**
 * The output of a command that another process runs, written to the streams of this process. The
 * other process is told how much is written, so that it sends more.
 */
import { FRAME } from "../../up/wire.ts";
import { ENDED_EARLY, ENDED_EARLY_MS } from "../exit-statuses.ts";
import { BROKEN_PIPE, isBrokenPipe } from "../interruption.ts";
import type { OutputNumber, Streams } from "./streams.ts";

/** Bytes that are written before the other process is told. It allows eight times as many. */
const UNTOLD_BYTES = 1 << 16;

export class Outputs {
  readonly #streams: Pick<Streams, "write">;
  readonly #send: (type: number, payload: Uint8Array | string) => void;
  /** What the end of the command waits for. */
  readonly #pending = new Set<Promise<void>>();
  /** What the next write waits for. */
  #before: Promise<void> | undefined;
  /** Bytes that are written, and that the other process does not know of yet. */
  readonly #untold: Record<OutputNumber, number> = { 1: 0, 2: 0 };
  /** Whether the reader of the output is gone. */
  #isBroken = false;

  /** @param send sends a frame to the other process */
  constructor(
    streams: Pick<Streams, "write">,
    send: (type: number, payload: Uint8Array | string) => void,
  ) {
    this.#streams = streams;
    this.#send = send;
  }

  write(stream: OutputNumber, bytes: Uint8Array): void {
    const write = (): Promise<void> | undefined => this.#streams.write(stream, bytes);
    const writing = this.#before === undefined ? write() : this.#before.then(write);
    if (writing === undefined) {
      this.#count(stream, bytes.length);
      return;
    }
    const written = writing.then(
      () => this.#count(stream, bytes.length),
      (error: NodeJS.ErrnoException) => {
        const { code, message } = error;
        this.#isBroken ||= isBrokenPipe(error);
        this.#send(FRAME.failed, JSON.stringify({ stream, code, message }));
      },
    );
    this.#hold(written);
  }

  /** What is written from now on waits for this work, and so does the end of the command. */
  waitFor(work: Promise<void>): void {
    const before = this.#before;
    const all = before === undefined ? work : before.then(() => work);
    this.#before = all;
    this.#hold(all);
    void all.then(() => {
      if (this.#before === all) this.#before = undefined;
    });
  }

  /**
   * Waits until all is written, unless the command was ended early.
   *
   * @returns the exit status of this process
   */
  async finished(status: number): Promise<number> {
    if (this.#pending.size > 0) {
      const written = Promise.all(this.#pending);
      const isHurried = ENDED_EARLY.includes(status);
      await Promise.race(isHurried ? [written, Bun.sleep(ENDED_EARLY_MS)] : [written]);
    }
    return this.#isBroken && status === 0 ? BROKEN_PIPE : status;
  }

  #hold(work: Promise<void>): void {
    this.#pending.add(work);
    void work.then(() => this.#pending.delete(work));
  }

  #count(stream: OutputNumber, bytes: number): void {
    this.#untold[stream] += bytes;
    if (this.#untold[stream] < UNTOLD_BYTES) return;
    this.#send(FRAME.written, countOf(stream, this.#untold[stream]));
    this.#untold[stream] = 0;
  }
}

/** @returns the payload that tells how many bytes of a stream are written */
function countOf(stream: OutputNumber, bytes: number): Uint8Array {
  const about = new Uint8Array(5);
  about[0] = stream;
  new DataView(about.buffer).setUint32(1, bytes, true);
  return about;
}
