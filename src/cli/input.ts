/** Our standard input for several who read it: each gets all of it, and the slowest sets the pace. Knows no context. */
import { read as readSoon } from "node:fs";
import { Channel, type Receiver, type Sender } from "../index.ts";
import { openQuick, readQuickly, widen } from "./pipes.ts";

/** Bytes of it at a time: what one message to a command holds. */
const CHUNK = 131072;
/** From here on, its memory is used again; less is copied, so that not much of it lies about. */
const LARGE = 65536;
/**
 * Before a chunk's memory is used again, so many others are sent: more than can be under way, which is a window (`maxWindowBytes`: 64 of
 * them) and the queue before it (16).
 */
const RING = 96;

export class SharedInput {
  readonly #preface: Uint8Array | undefined;
  readonly #isRead: boolean;
  readonly #senders: Sender<Uint8Array>[] = [];

  /**
   * @param preface what comes before it
   * @param isRead whether ours is read at all
   */
  constructor(preface: Uint8Array | undefined, isRead: boolean) {
    this.#preface = preface;
    this.#isRead = isRead;
  }

  /**
   * One more reader; undefined if there is nothing to read.
   *
   * @param readers how many there will be: reading begins with the last
   */
  branch(readers: number): Receiver<Uint8Array> | undefined {
    if (!this.#isRead && this.#preface === undefined) return undefined;
    const { sender, receiver } = new Channel<Uint8Array>();
    this.#senders.push(sender);
    if (this.#senders.length === readers) void this.#read();
    return receiver;
  }

  /** To the end, or until nobody reads any more. Never rejects: what cannot be read is over. */
  async #read(): Promise<void> {
    try {
      if (this.#preface !== undefined) await this.#give(this.#preface);
      if (this.#isRead) {
        for await (const chunk of read(0)) if (!(await this.#give(chunk))) break;
      }
    } catch {
      // A closed descriptor, or the terminal of another process group.
    }
    for (const sender of this.#senders) sender.close();
  }

  /** @returns whether anybody reads */
  async #give(chunk: Uint8Array): Promise<boolean> {
    const open = this.#senders.filter((sender) => !sender.closed);
    await Promise.all(open.map((sender) => sender.send(chunk).catch(() => {})));
    return open.length > 0;
  }
}

/** What comes from a descriptor, in chunks as large as what is there. */
function read(fd: number): AsyncIterable<Uint8Array> {
  const quick = openQuick(fd, "read");
  return quick === undefined ? Bun.stdin.stream() : readPipe(fd, quick);
}

/**
 * A pipe. Bun's stream of it costs as much processor time as all else that we do with a byte: here, what waits is read at once, and a thread
 * waits only where there is nothing for a while.
 */
async function* readPipe(fd: number, quick: number): AsyncGenerator<Uint8Array, void, undefined> {
  const ring: Uint8Array[] = [];
  let isWide = false;
  for (let at = 0; ; ) {
    const chunk = ring[at] ?? new Uint8Array(CHUNK);
    let size = readQuickly(quick, chunk, 0) ?? (await nextTurn(quick, chunk));
    size ??= await new Promise<number>((resolve, reject) => {
      readSoon(fd, chunk, 0, CHUNK, null, (error, n) => (error ? reject(error) : resolve(n)));
    });
    if (size === 0) return;
    for (let more: number | undefined = size; more !== undefined && more > 0 && size < CHUNK; ) {
      more = readQuickly(quick, chunk, size);
      size += more ?? 0;
    }
    if (size < LARGE) {
      yield chunk.slice(0, size);
      continue;
    }
    if (!isWide) widen(quick);
    isWide = true;
    ring[at] = chunk;
    at = (at + 1) % RING;
    yield chunk.subarray(0, size);
  }
}

/** Who fills the pipe may need but a moment. */
async function nextTurn(quick: number, chunk: Uint8Array): Promise<number | undefined> {
  await new Promise((resolve) => setImmediate(resolve));
  return readQuickly(quick, chunk, 0);
}
