/** Our standard input for several who read it: each gets all of it, and the slowest sets the pace. Knows no context. */
import { constants, fstatSync, openSync, read as readSoon, readSync } from "node:fs";
import { Channel, type Receiver, type Sender } from "../index.ts";

/** Bytes of it at a time: what one message to a command holds. */
const CHUNK = 131072;

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
  return fstatSync(fd).isFIFO() ? readPipe(fd) : Bun.stdin.stream();
}

/**
 * A pipe. Bun's stream of it costs as much processor time as all else that we do with a byte: here, what waits is read at once, through a
 * descriptor of our own that does not block (others may share the one that we were given), and a thread waits only where there is nothing.
 */
async function* readPipe(fd: number): AsyncGenerator<Uint8Array, void, undefined> {
  const own = openSync(`/proc/self/fd/${String(fd)}`, constants.O_RDONLY | constants.O_NONBLOCK);
  for (;;) {
    const chunk = Buffer.allocUnsafeSlow(CHUNK);
    let size = readNow(own, chunk, 0);
    size ??= await new Promise<number>((resolve, reject) => {
      readSoon(fd, chunk, 0, CHUNK, null, (error, n) => (error ? reject(error) : resolve(n)));
    });
    if (size === 0) return;
    for (let more: number | undefined = size; more !== undefined && more > 0 && size < CHUNK; ) {
      more = readNow(own, chunk, size);
      size += more ?? 0;
    }
    yield chunk.subarray(0, size);
  }
}

/** @returns undefined when nothing is there; 0 at the end */
function readNow(fd: number, into: Buffer, at: number): number | undefined {
  try {
    return readSync(fd, into, at, into.length - at, null);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return undefined;
    throw error;
  }
}
