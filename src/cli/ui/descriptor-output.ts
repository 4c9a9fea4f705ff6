/**
 * Output to a descriptor: in order, without losing a byte, and known to be written. `fs.write` on a
 * worker thread waits for a slow reader by itself, and reports a reader that is gone. Bytes for
 * which a pipe has room at once do not take that detour.
 */
import { write, writeSync } from "node:fs";
import {
  BlockingWriter,
  isPatient,
  isPipe,
  isTerminal,
  openNonBlocking,
  writeQuickly,
} from "../../io/fd.ts";
import { splice, widen } from "../../io/libc.ts";
import { wasClosed } from "../closed.ts";
import { type Host, type Output, OutputError } from "../host.ts";
import { isBrokenPipe } from "../interruption.ts";
import { tidy } from "./collect-garbage.ts";
import type { Screen } from "./status-line.ts";
import { wantsColour } from "./wants-colour.ts";

/** Bytes that are joined into one write: log lines come by the thousand. */
const BATCH_BYTES = 1 << 18;
/** Writing so many bytes by themselves costs less than copying them. */
const LARGE_BYTES = 16384;
/** Milliseconds until a descriptor is tried again that has no room. */
const BUSY_MS = 5;

const NAMES = ["standard input", "standard output", "standard error"];

interface Waiting {
  readonly data: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class DescriptorOutput implements Output {
  readonly isTerminal: boolean;
  readonly coloured: boolean;
  readonly #fd: number;
  /** A descriptor of the same pipe that does not block; -1: none could be opened. */
  #quick: number | undefined;
  #isWide = false;
  readonly #isPipe: boolean;
  /** Whether a small write is done sooner than a thread is started for it. */
  #isPatient: boolean | undefined;
  /** Found out by the first write. */
  #isClosed: boolean | undefined;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  /** Set by `writeAtExit`: writes without a thread, so that the rest is always known. */
  #writer: BlockingWriter | undefined;
  #rest: Uint8Array = new Uint8Array();

  /** @param env decides whether a terminal gets colours */
  constructor(fd: number, env: Host["env"]) {
    this.#fd = fd;
    this.isTerminal = isTerminal(fd);
    this.#isPipe = isPipe(fd);
    this.coloured = this.isTerminal && wantsColour(env);
  }

  write(data: Uint8Array | string): Promise<void> {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    const done = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ data: bytes, resolve, reject });
      tidy(bytes.length);
    });
    this.#writing ??= this.#drain();
    return done;
  }

  screen(): Screen {
    const write = (text: string): void => void this.write(text).catch(() => {});
    const stream = this.#fd === 1 ? process.stdout : process.stderr;
    return {
      write,
      get columns() {
        return stream.columns || 80;
      },
    };
  }

  /** From a socket, bytes can be spliced into a pipe alone. */
  get canSplice(): boolean {
    return (this.#quick ?? -1) >= 0 && this.#isPipe;
  }

  /** Splices while no other bytes wait to be written. */
  spliceFrom(from: number, bytes: number): number | undefined {
    const quick = this.#quick ?? -1;
    if (this.#writing !== undefined || quick < 0) return undefined;
    const moved = splice(from, quick, bytes);
    tidy(moved ?? 0);
    return moved;
  }

  writeAtExit(): void {
    if (this.#writer !== undefined) return;
    const writer = new BlockingWriter(this.#fd);
    this.#writer = writer;
    process.on("exit", () => {
      const waiting = this.#waiting.splice(0).map(({ data }) => data);
      const rest = [this.#rest, ...waiting];
      try {
        for (const data of rest) writer.write(data);
      } catch {
        // The reader is gone.
      }
    });
  }

  async flushed(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      const [only] = batch;
      const single = batch.length === 1 && only !== undefined;
      try {
        await this.#writeAll(single ? only.data : Buffer.concat(batch.map((b) => b.data)));
        for (const { resolve } of batch) resolve();
      } catch (problem) {
        const error = isBrokenPipe(problem) ? problem : this.#outputError(problem as Error);
        for (const { reject } of [...batch, ...this.#waiting.splice(0)]) reject(error);
      }
    }
    this.#writing = undefined;
  }

  #outputError({ message }: Error): OutputError {
    const name = NAMES[this.#fd] ?? `descriptor ${this.#fd}`;
    return new OutputError(this.#isClosed === true ? `${name} is closed` : `${name}: ${message}`);
  }

  /** @returns one large piece, or many small ones that are written together */
  #takeBatch(): Waiting[] {
    let [count, size] = [0, 0];
    for (const { data } of this.#waiting) {
      if (count > 0 && (data.length >= LARGE_BYTES || size >= BATCH_BYTES)) break;
      count += 1;
      size += data.length;
      if (data.length >= LARGE_BYTES) break;
    }
    return this.#waiting.splice(0, count);
  }

  async #writeAll(data: Uint8Array): Promise<void> {
    this.#isClosed ??= this.#fd in NAMES && wasClosed(this.#fd);
    if (this.#isClosed && data.length > 0) throw new Error(`${NAMES[this.#fd]} is closed`);
    if (this.#writer !== undefined) return this.#writePieces(this.#writer, data);
    this.#isPatient ??= isPatient(this.#fd);
    if (this.#isPatient && data.length <= LARGE_BYTES) {
      for (let at = 0; at < data.length; ) at += writeSync(this.#fd, data, at);
      return;
    }
    this.#quick ??= openNonBlocking(this.#fd, "write") ?? -1;
    await writeSlowly(this.#fd, data, this.#quick < 0 ? 0 : this.#begin(data));
  }

  async #writePieces(writer: BlockingWriter, data: Uint8Array): Promise<void> {
    this.#rest = data;
    try {
      for (;;) {
        this.#rest = this.#rest.subarray(writer.ready(this.#rest, 0));
        if (this.#rest.length === 0) return;
        await Bun.sleep(BUSY_MS);
      }
    } finally {
      this.#rest = new Uint8Array();
    }
  }

  /** @returns the number of bytes that the pipe took at once */
  #begin(data: Uint8Array): number {
    const quick = this.#quick as number;
    const written = writeQuickly(quick, data);
    if (written === data.length || this.#isWide) return written;
    this.#isWide = true;
    widen(quick);
    return written + writeQuickly(quick, data.subarray(written));
  }
}

/** Writes the bytes from `begin` on. */
async function writeSlowly(fd: number, data: Uint8Array, begin: number): Promise<void> {
  for (let at = begin; at < data.length; ) {
    const n = await new Promise<number>((resolve, reject) => {
      write(fd, data, at, data.length - at, null, (error, written) => {
        // A process that shares the descriptor may have made it non-blocking.
        if (error?.code === "EAGAIN") setTimeout(resolve, BUSY_MS, 0);
        else if (error) reject(error);
        else resolve(written);
      });
    });
    at += n;
  }
}
