/**
 * SendQueue: the messages that wait on a stream for one context. A stream has a queue for each
 * destination, so that a context that does not read holds up no other.
 */
import type { Chunk } from "../io/splice-pipe.ts";
import { type Envelope, encodeMessage } from "../protocol/frame.ts";
import type { Limits } from "../protocol/limits.ts";
import type { Edge } from "./edge.ts";
import { alreadySent, type Lane, type Progress, type Withdraw } from "./link.ts";

/** A message on its way out. */
interface Outgoing {
  readonly frames: Iterator<readonly Chunk[]>;
  readonly length: number;
  readonly lane: Lane;
  /** What counts on the edges, if that is not the bytes of the frames. */
  readonly weight: number | undefined;
  progress: "waiting" | "begun" | "sent";
}

const NO_EDGES: readonly Edge[] = [];

/** Control frames that wait one by one: many small arrays take ten times their bytes. */
const MAX_CONTROL = 10_000;

export class SendQueue {
  readonly #limits: Limits;
  /** Whole frames of small messages, which overtake the others. */
  #control: Uint8Array[] = [];
  #controlBytes = 0;
  /** The other messages, in order; from `#first` on they wait, and the first may be half sent. */
  #bulk: Outgoing[] = [];
  #first = 0;
  #queuedBytes = 0;
  /** Of these, bytes of answers. */
  #answerBytes = 0;
  #waiters: (() => void)[] = [];
  #isClosed = false;
  /** The pipes on the way behind the stream's own. Each has room for a limited number of bytes. */
  edges = NO_EDGES;
  /** Whether the stream has it in the row of queues that it serves in turn. */
  isInTurn = false;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Bytes that wait, without those of control frames. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether control frames wait. */
  get hasControl(): boolean {
    return this.#controlBytes > 0;
  }

  /** Whether more control frames wait than a context that reads would ever let wait. */
  get isControlFull(): boolean {
    return this.#controlBytes > this.#limits.maxQueuedBytes;
  }

  /** Whether more answers wait than the context may ask for without reading. */
  get isAnswerFull(): boolean {
    return this.#answerBytes > this.#limits.maxAnswerBytes;
  }

  /** An edge on the way without room; undefined if all have. */
  get fullEdge(): Edge | undefined {
    return this.edges === NO_EDGES ? undefined : this.edges.find((edge) => !edge.hasRoom);
  }

  /** Resolves when less than `maxQueuedBytes` wait, or when the queue is closed. */
  ready(): Promise<void> {
    if (this.#isReady) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Queue a control message. It cannot be taken back. */
  addControl(envelope: Envelope, body: readonly Chunk[]): void {
    const frames = encodeMessage(envelope, body, this.#limits);
    if (this.#isClosed) return;
    for (const frame of frames) {
      for (const chunk of frame) {
        // Bytes that wait in a pipe are never sent as control.
        this.#control.push(chunk as Uint8Array);
        this.#controlBytes += chunk.length;
      }
    }
    if (this.#control.length > MAX_CONTROL) this.#control = [Buffer.concat(this.#control)];
  }

  /** Queue a message of the other lanes. */
  add(envelope: Envelope, body: readonly Chunk[], lane: Lane, weight?: number): Withdraw {
    const frames = encodeMessage(envelope, body, this.#limits)[Symbol.iterator]();
    if (this.#isClosed) return alreadySent;
    let length = 0;
    for (const chunk of body) length += chunk.length;
    const outgoing: Outgoing = { frames, length, lane, weight, progress: "waiting" };
    this.#queuedBytes += length;
    if (lane === "answer") this.#answerBytes += length;
    this.#bulk.push(outgoing);
    return () => this.#withdraw(outgoing);
  }

  /** Moves the control frames to `batch`. @returns their bytes */
  takeControl(batch: Chunk[]): number {
    const bytes = this.#controlBytes;
    for (const frame of this.#control) batch.push(frame);
    this.#control = [];
    this.#controlBytes = 0;
    for (const edge of this.edges) edge.take(bytes);
    return bytes;
  }

  /** @returns the chunks of the next frame that is no control; undefined if none waits */
  next(): readonly Chunk[] | undefined {
    for (;;) {
      const outgoing = this.#bulk[this.#first];
      if (outgoing === undefined) break;
      const frame = outgoing.frames.next();
      if (frame.done !== true) {
        outgoing.progress = "begun";
        if (this.edges !== NO_EDGES) this.#take(outgoing, frame.value);
        return frame.value;
      }
      outgoing.progress = "sent";
      this.#first++;
      this.#leave(outgoing);
    }
    if (this.#first > 0) this.#bulk = [];
    this.#first = 0;
    return undefined;
  }

  /** Drops all that waits, now and later. */
  close(): void {
    this.#isClosed = true;
    this.#control = [];
    this.#controlBytes = 0;
    this.#bulk = [];
    this.#first = 0;
    this.#queuedBytes = 0;
    this.#answerBytes = 0;
    this.#wake();
  }

  get #isReady(): boolean {
    return this.#isClosed || this.#queuedBytes < this.#limits.maxQueuedBytes;
  }

  #withdraw(outgoing: Outgoing): Progress {
    if (outgoing.progress !== "waiting") return outgoing.progress;
    if (this.#isClosed) return "sent";
    this.#bulk = this.#bulk.filter((other) => other !== outgoing);
    this.#leave(outgoing);
    return "withdrawn";
  }

  #take({ weight }: Outgoing, frame: readonly Chunk[]): void {
    const bytes = weight ?? frame.reduce((sum, chunk) => sum + chunk.length, 0);
    for (const edge of this.edges) edge.take(bytes);
  }

  /** Its bytes wait no longer. */
  #leave({ length, lane }: Outgoing): void {
    this.#queuedBytes -= length;
    if (lane === "answer") this.#answerBytes -= length;
    if (this.#waiters.length > 0 && this.#isReady) this.#wake();
    // Not for each message: that would move all that wait.
    if (this.#first < 1000 || this.#first * 2 < this.#bulk.length) return;
    this.#bulk = this.#bulk.slice(this.#first);
    this.#first = 0;
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}
