/**
 * Stream: one framed connection to a child. Cuts messages into frames and back, lets control overtake bulk, and says when
 * writers have to wait. Knows no handle and no context: it has bytes on one side and messages on the other.
 *
 * Spec: docs/protocol.md, "Frame".
 * Twins: "Output" and "Input" in stage1/python/core.py and stage1/javascript/core.js.
 */
import { EcontextError, ProtocolError } from "../errors.ts";
import { takeBuffer } from "../io/buffer-pool.ts";
import type { DirectReader, Duplex, DuplexListener } from "../io/duplex.ts";
import { type Chunk, PipedBytes } from "../io/splice-pipe.ts";
import { type Envelope, encodeMessage, type Message } from "../protocol/frame.ts";
import { FrameReader } from "../protocol/frame-reader.ts";
import { LIMITS, type Limits } from "../protocol/limits.ts";
import { type BodyTarget, type DirectLink, FrameReceiver } from "./frame-receiver.ts";

export interface StreamListener {
  message(message: Message): void;
  /** Called once. `error` is what this end found wrong, if it was this end that closed the stream for that. */
  closed(error: EcontextError | undefined): void;
}

/** Control overtakes; an answer to what the far side asked unbidden waits like bulk, but not without limit. */
export type Lane = "bulk" | "control" | "answer";

/** A message on its way out. */
interface Outgoing {
  readonly frames: Iterator<readonly Chunk[]>;
  readonly length: number;
  readonly lane: Lane;
  progress: "waiting" | "begun" | "sent";
}

/** What is joined into one write: small frames come by the thousand. */
const BATCH_BYTES = 65536;
/** To copy so many costs less than to write them by themselves. */
const SMALL_BYTES = 16384;
/** Frames of control that wait one by one. */
const MAX_CONTROL = 10_000;

export class Stream implements DirectLink {
  readonly #pipe: Duplex;
  readonly #limits: Limits;
  readonly #listener: StreamListener;
  readonly #receiver: FrameReceiver;
  /** Frames of whole, small messages that overtake. */
  #control: Uint8Array[] = [];
  #controlBytes = 0;
  /** Messages that wait, in order; the first may be half sent. */
  #bulk: Outgoing[] = [];
  #queuedBytes = 0;
  /** Of those, what the far side asked for. */
  #answerBytes = 0;
  #waiters: (() => void)[] = [];
  #scheduled = false;
  #full = false;
  #heardAt = performance.now();
  #open = true;

  constructor(pipe: Duplex, listener: StreamListener, limits: Limits = LIMITS) {
    this.#pipe = pipe;
    this.#listener = listener;
    this.#limits = limits;
    const receiver = new FrameReceiver(new FrameReader(limits, takeBuffer), (message) => {
      if (this.#open) listener.message(message);
    });
    this.#receiver = receiver;
    const reader: DuplexListener & DirectReader = {
      data: (chunk) => {
        this.#take(() => {
          receiver.push(chunk);
          return chunk.length;
        });
      },
      get isLarge() {
        return receiver.isLarge;
      },
      readFrom: (fd) => this.#take(() => receiver.readFrom(fd)),
      stopReading: () => receiver.stopReading(),
      drained: () => {
        this.#full = false;
        this.#flush();
      },
      closed: () => this.#end(undefined),
    };
    pipe.listen(reader);
  }

  /** As `DirectLink`: `target` takes the bytes that `src` sends to `handle`. */
  direct(src: number, handle: number, target: BodyTarget): () => void {
    return this.#receiver.direct(src, handle, target);
  }

  /** Bytes that wait to be written. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** When bytes last came, of whatever, on the clock of `performance.now`: the far side lived then. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Resolves when less than `maxQueuedBytes` wait, and when the stream is closed. */
  ready(): Promise<void> {
    if (!this.#open || this.#queuedBytes < this.#limits.maxQueuedBytes) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** What comes before all messages; goes out with those that are sent in this turn of the event loop. */
  begin(bytes: Uint8Array): void {
    this.#control.push(bytes);
    this.#controlBytes += bytes.length;
    this.#schedule();
  }

  /**
   * Queue a message. A closed stream takes it and drops it: who waits for an answer is told by `closed`.
   *
   * @returns what takes it back, if no byte of it was sent; else it says how far the message came
   */
  send(
    envelope: Envelope,
    body: readonly Chunk[],
    lane: Lane = "bulk",
  ): () => "withdrawn" | "begun" | "sent" {
    if (!this.#open) return isSent;
    const frames = encodeMessage(envelope, body, this.#limits);
    this.#schedule();
    if (lane === "control") {
      for (const frame of frames) {
        for (const chunk of frame) {
          // What waits in a pipe is bulk.
          this.#control.push(chunk as Uint8Array);
          this.#controlBytes += chunk.length;
        }
      }
      // Many small arrays are ten times their bytes.
      if (this.#control.length > MAX_CONTROL) this.#control = [Buffer.concat(this.#control)];
      if (this.#controlBytes > this.#limits.maxQueuedBytes) this.#refuse();
      return isSent;
    }
    let length = 0;
    for (const chunk of body) length += chunk.length;
    if (lane === "answer") {
      // What came before it decides: one is always allowed, as large as a message may be.
      if (this.#answerBytes > this.#limits.maxAnswerBytes) {
        this.#refuse();
        return isSent;
      }
      this.#answerBytes += length;
    }
    this.#queuedBytes += length;
    const outgoing: Outgoing = {
      frames: frames[Symbol.iterator](),
      length,
      lane,
      progress: "waiting",
    };
    this.#bulk.push(outgoing);
    return () => {
      if (outgoing.progress !== "waiting") return outgoing.progress;
      this.#bulk = this.#bulk.filter((other) => other !== outgoing);
      this.#queuedBytes -= length;
      return "withdrawn";
    };
  }

  /** One write for all that is sent in this turn of the event loop. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  /** Close at once; what waits is lost. */
  close(error?: EcontextError): void {
    this.#end(error);
  }

  #refuse(): void {
    this.close(new ProtocolError("ERR_PROTOCOL_BACKLOG", "the far side asks and does not read"));
  }

  /** @param read how many bytes came, if any did */
  #take(read: () => number | undefined): number | undefined {
    try {
      const got = read();
      if (got !== undefined && got > 0) this.#heardAt = performance.now();
      return got;
    } catch (error) {
      if (!(error instanceof EcontextError)) throw error;
      this.#end(error);
      return undefined;
    }
  }

  #flush(): void {
    let at = 0;
    while (this.#open && !this.#full) {
      const batch: Chunk[] = this.#control.splice(0);
      let size = this.#controlBytes;
      this.#controlBytes = 0;
      let bulk = this.#bulk[at];
      while (bulk !== undefined && size < BATCH_BYTES) {
        const frame = bulk.frames.next();
        if (frame.done === true) {
          this.#queuedBytes -= bulk.length;
          if (bulk.lane === "answer") this.#answerBytes -= bulk.length;
          bulk.progress = "sent";
          bulk = this.#bulk[++at];
          continue;
        }
        bulk.progress = "begun";
        for (const chunk of frame.value) {
          batch.push(chunk);
          size += chunk.length;
        }
      }
      if (batch.length === 0) break;
      this.#write(batch, size);
    }
    if (at > 0) this.#bulk = this.#bulk.slice(at);
    if (this.#queuedBytes < this.#limits.maxQueuedBytes) this.#wake();
  }

  #write(batch: readonly Chunk[], size: number): void {
    const [only] = batch;
    if (batch.length === 1 && only !== undefined) {
      this.#full = !this.#pipe.write(only);
    } else if (size < BATCH_BYTES && batch.every(isRead)) {
      this.#full = !this.#pipe.write(Buffer.concat(batch, size));
    } else {
      for (const chunk of joined(batch)) this.#full = !this.#pipe.write(chunk);
    }
  }

  #wake(): void {
    const waiters = this.#waiters;
    if (waiters.length === 0) return;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }

  #end(error: EcontextError | undefined): void {
    if (!this.#open) return;
    this.#open = false;
    this.#bulk = [];
    this.#queuedBytes = 0;
    this.#pipe.close();
    this.#wake();
    this.#listener.closed(error);
  }
}

/** Small ones made one; large ones as they are. */
function* joined(chunks: readonly Chunk[]): Generator<Chunk> {
  let small: Uint8Array[] = [];
  for (const chunk of chunks) {
    if (isRead(chunk) && chunk.length < SMALL_BYTES) small.push(chunk);
    else {
      if (small.length > 0) yield Buffer.concat(small);
      small = [];
      yield chunk;
    }
  }
  if (small.length > 0) yield Buffer.concat(small);
}

function isRead(chunk: Chunk): chunk is Uint8Array {
  return !(chunk instanceof PipedBytes);
}

function isSent(): "sent" {
  return "sent";
}
