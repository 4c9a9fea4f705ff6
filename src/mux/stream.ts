/**
 * Stream: one framed connection to a child. Cuts messages into frames and back, lets control
 * overtake bulk, and serves the contexts that it leads to in turn. Knows no handle: it has bytes on
 * one side and messages on the other.
 *
 * Spec: docs/protocol.md, "Frame".
 * Twins: "Output" and "Input" in stage1/python/core/stream.py and stage1/javascript/core.
 */
import { EcontextError, ProtocolError } from "../errors.ts";
import { takeBuffer } from "../io/buffer-pool.ts";
import type { DirectReader, Duplex, DuplexListener } from "../io/duplex.ts";
import { type Chunk, PipedBytes } from "../io/splice-pipe.ts";
import type { Envelope, Message } from "../protocol/frame.ts";
import { FrameReader } from "../protocol/frame-reader.ts";
import { LIMITS, type Limits } from "../protocol/limits.ts";
import type { Edge } from "./edge.ts";
import { type BodySink, type DirectLink, FrameReceiver } from "./frame-receiver.ts";
import { alreadySent, type Lane, type Link, type Passage, type Withdraw } from "./link.ts";
import { SendQueue } from "./send-queue.ts";

export interface StreamListener {
  message(message: Message): void;
  /** Whether messages of context `id` come over this stream. */
  isBehind(id: number): boolean;
  /** Context `id`, and no other, is to be ended: it breaks the protocol, or does not read. */
  fault(id: number, error: ProtocolError): void;
  /** Called once. `error` is given if this end closed the stream because of it. */
  closed(error: EcontextError | undefined): void;
}

/** Bytes of frames that are joined into one write: small frames come by the thousand. */
const BATCH_BYTES = 65536;
/** Bytes that cost less to copy than to write by themselves. */
const SMALL_BYTES = 16384;
/** Bytes that a context is sent in its turn while others wait. */
const TURN_BYTES = 65536;

export class Stream implements Link, DirectLink {
  readonly #pipe: Duplex;
  readonly #limits: Limits;
  readonly #listener: StreamListener;
  readonly #receiver: FrameReceiver;
  /** Bytes that go out before all messages. */
  #preamble: Uint8Array[] = [];
  readonly #queues = new Map<number, SendQueue>();
  /** Queues with control frames. */
  #overtaking: SendQueue[] = [];
  /** Queues that are served in turn; the first is served now. */
  #turns: SendQueue[] = [];
  /** Bytes that the first was sent in this turn. */
  #turnBytes = 0;
  #scheduled = false;
  #full = false;
  #heardAt = performance.now();
  #sent = 0;
  #received = 0;
  #open = true;

  constructor(pipe: Duplex, listener: StreamListener, limits: Limits = LIMITS) {
    this.#pipe = pipe;
    this.#listener = listener;
    this.#limits = limits;
    const receiver = new FrameReceiver(new FrameReader(limits, takeBuffer, listener), (message) => {
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
        this.flush();
      },
      closed: () => this.#end(undefined),
    };
    pipe.listen(reader);
  }

  /** As `DirectLink`: `target` takes the bytes that `src` sends to `handle`. */
  direct(src: number, handle: number, sink: BodySink): () => void {
    return this.#receiver.direct(src, handle, sink);
  }

  /** Bytes that wait to be written to context `dst`. */
  queuedBytes(dst: number): number {
    return this.#queues.get(dst)?.queuedBytes ?? 0;
  }

  get traffic(): { readonly sent: number; readonly received: number } {
    return { sent: this.#sent, received: this.#received };
  }

  /** When bytes last came, on the clock of `performance.now`: the far side lived then. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Resolves when less than `maxQueuedBytes` wait for context `dst`, or when the stream closes. */
  ready(dst: number): Promise<void> {
    return this.#queues.get(dst)?.ready() ?? Promise.resolve();
  }

  /** Writes bytes before all messages, together with those of this turn of the event loop. */
  begin(bytes: Uint8Array): void {
    this.#preamble.push(bytes);
    this.#schedule();
  }

  /** As `Link`. A closed stream drops the message: `closed` has told everything that waits. */
  send(
    envelope: Envelope,
    body: readonly Chunk[],
    lane: Lane = "bulk",
    passage?: Passage,
  ): Withdraw {
    if (!this.#open) return alreadySent;
    const dst = passage?.queue ?? envelope.dst;
    const queue = this.#queues.get(dst) ?? this.#newQueue(dst);
    this.#schedule();
    if (lane === "control") {
      const isListed = queue.hasControl;
      queue.addControl(envelope, body);
      if (!isListed) this.#overtaking.push(queue);
      if (queue.isControlFull) this.#refuse(dst, queue);
      return alreadySent;
    }
    // What waited before decides: one answer is always allowed, as large as a message may be.
    if (lane === "answer" && queue.isAnswerFull) {
      this.#refuse(dst, queue);
      return alreadySent;
    }
    const withdraw = queue.add(envelope, body, lane, passage?.weight);
    this.#line(queue);
    return withdraw;
  }

  limit(context: number, edges: readonly Edge[]): void {
    const queue = this.#queues.get(context) ?? this.#newQueue(context);
    queue.edges = edges;
  }

  /** Puts a queue into the row of those that are served in turn. */
  #line(queue: SendQueue): void {
    if (!queue.isInTurn) this.#turns.push(queue);
    queue.isInTurn = true;
  }

  forget(context: number): void {
    this.#queues.get(context)?.close();
    this.#queues.delete(context);
    this.#receiver.forget(context);
  }

  #newQueue(dst: number): SendQueue {
    const queue = new SendQueue(this.#limits);
    this.#queues.set(dst, queue);
    return queue;
  }

  /** Makes one write of everything that is sent in this turn of the event loop. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  /** Close at once; messages that wait are lost. */
  close(error?: EcontextError): void {
    this.#end(error);
  }

  #refuse(dst: number, queue: SendQueue): void {
    queue.close();
    const problem = "the far side asks and does not read";
    this.#listener.fault(dst, new ProtocolError("ERR_PROTOCOL_BACKLOG", problem));
  }

  /** @param read takes bytes in, and returns how many came; undefined for none */
  #take(read: () => number | undefined): number | undefined {
    try {
      const got = read();
      if (got !== undefined && got > 0) {
        this.#heardAt = performance.now();
        this.#received += got;
      }
      return got;
    } catch (error) {
      if (!(error instanceof EcontextError)) throw error;
      this.#end(error);
      return undefined;
    }
  }

  /** As `Link`. */
  flush(): void {
    while (this.#open && !this.#full) {
      const batch: Chunk[] = [];
      const size = this.#fill(batch);
      if (batch.length === 0) return;
      this.#sent += size;
      this.#write(batch, size);
    }
  }

  /** Takes what is to be written next. @returns its bytes */
  #fill(batch: Chunk[]): number {
    let size = 0;
    for (const bytes of this.#preamble.splice(0)) {
      batch.push(bytes);
      size += bytes.length;
    }
    if (this.#overtaking.length > 0) {
      for (const queue of this.#overtaking.splice(0)) size += queue.takeControl(batch);
    }
    while (size < BATCH_BYTES) {
      const queue = this.#turns[0];
      if (queue === undefined) break;
      const full = queue.fullEdge;
      const frame = full === undefined ? queue.next() : undefined;
      if (frame === undefined) {
        queue.isInTurn = false;
        this.#turns.shift();
        this.#turnBytes = 0;
        full?.onRoom(() => {
          this.#line(queue);
          this.#schedule();
        });
        continue;
      }
      let bytes = 0;
      for (const chunk of frame) {
        batch.push(chunk);
        bytes += chunk.length;
      }
      size += bytes;
      if (this.#turns.length > 1) this.#passTurn(queue, bytes);
    }
    return size;
  }

  #passTurn(queue: SendQueue, bytes: number): void {
    this.#turnBytes += bytes;
    if (this.#turnBytes < TURN_BYTES) return;
    this.#turnBytes = 0;
    this.#turns.shift();
    this.#turns.push(queue);
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

  #end(error: EcontextError | undefined): void {
    if (!this.#open) return;
    this.#open = false;
    this.#pipe.close();
    for (const queue of this.#queues.values()) queue.close();
    this.#queues.clear();
    this.#listener.closed(error);
  }
}

/** Joins small chunks, and leaves large ones as they are. */
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
