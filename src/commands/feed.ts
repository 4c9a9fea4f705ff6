/**
 * What a command reads, on its way to the channel of the command's stdin. Inputs are queued until
 * the command has started; small chunks that wait are joined. Knows no context.
 */
import { Channel, inboxOf, Receiver, type Sender } from "../channels/channel.ts";
import { type Chunk, PipedBytes } from "../io/splice-pipe.ts";

/** What a command reads: bytes, text, or a stream or iterable of them. */
export type Input =
  | Uint8Array
  | string
  | ReadableStream<Uint8Array | string>
  | AsyncIterable<Uint8Array | string>;

/** Chunks for a command's stdin. */
export type InputQueue = Receiver<Chunk | string>;

/** The largest chunk that fits into one frame with its header. */
const MAX_CHUNK = 131072;
/** From this size on, joining a chunk with others costs more than a message of its own. */
const LARGE = 32768;

/**
 * Reads `input` as fast as the queue is taken. Closing the queue releases the input, whatever it
 * still has to give. An input that fails ends the queue with its error.
 *
 * @param input may be a receiver of the command line, whose chunks may wait in a pipe
 */
export function queueOf(input: Input): InputQueue {
  if (input instanceof Receiver) return input;
  const { sender, receiver } = new Channel<Chunk | string>();
  void fill(sender, receiver, input);
  return receiver;
}

/**
 * Sends all that is queued, as fast as it is taken. Never rejects: a command need not read its
 * input.
 */
export async function forward(queue: InputQueue, to: Sender<Chunk>): Promise<void> {
  const inbox = inboxOf(queue as Receiver);
  let small: Uint8Array[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    const whole = small.length === 1 ? (small[0] as Uint8Array) : Buffer.concat(small);
    [small, size] = [[], 0];
    for (let at = 0; at < whole.length; at += MAX_CHUNK) {
      await to.send(whole.subarray(at, at + MAX_CHUNK));
    }
  };
  try {
    for await (const value of queue) {
      const chunk = typeof value === "string" ? new TextEncoder().encode(value) : value;
      if (chunk instanceof PipedBytes) {
        await flush();
        await to.send(chunk);
        continue;
      }
      small.push(chunk);
      size += chunk.length;
      // A pipe is often read in small pieces, and each message costs as much as a large one.
      if (size >= LARGE || inbox.waiting === 0) await flush();
    }
    await flush();
    to.close();
  } catch (error) {
    to.close(error);
  }
}

/** Never rejects: the queue ends with the error. */
async function fill(
  sender: Sender<Chunk | string>,
  receiver: InputQueue,
  input: Input,
): Promise<void> {
  try {
    const source = sourceOf(input);
    inboxOf(receiver as Receiver).onStop(() => void source.release().catch(() => {}));
    while (!sender.closed) {
      const { done, value } = await source.next();
      if (done === true) break;
      await sender.send(value);
    }
    sender.close();
  } catch (error) {
    sender.close(error);
  }
}

interface Source {
  next(): Promise<IteratorResult<Uint8Array | string, unknown>>;
  /** The source is not read any more, even if a `next` is under way. */
  release(): Promise<unknown>;
}

function sourceOf(input: Input): Source {
  if (input instanceof ReadableStream) {
    const reader = (input as ReadableStream<Uint8Array | string>).getReader();
    const next = async () => (await reader.read()) as IteratorResult<Uint8Array | string>;
    return { next, release: () => reader.cancel() };
  }
  const isWhole = typeof input === "string" || input instanceof Uint8Array;
  const iterator = (isWhole ? once(input) : input)[Symbol.asyncIterator]();
  return { next: () => iterator.next(), release: async () => iterator.return?.() };
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}
