/**
 * HopLink: the way of messages to one child of a hop. They go over the stream to the first hop, in
 * the child's own queue, and each hop passes them on. What many children are sent alike goes to the
 * first hop once, which makes the messages of it.
 */

import type { Chunk } from "../io/splice-pipe.ts";
import { isAlike } from "../mux/alike.ts";
import type { Edge } from "../mux/edge.ts";
import type { Lane, Link, Passage, Progress, Withdraw } from "../mux/link.ts";
import { type Envelope, FLAGS, HEADER_BYTES } from "../protocol/frame.ts";
import { MASTER_ID, SWITCH, SWITCH_BIT } from "../protocol/handles.ts";
import { LIMITS } from "../protocol/limits.ts";
import { encodeValue } from "../protocol/value.ts";
import type { Hop } from "./hop.ts";

/** A message that waits until the child is started. */
interface Held {
  send(): Withdraw;
  withdraw: Withdraw;
}

export class HopLink implements Link {
  readonly #hop: Hop;
  readonly #id: number;
  readonly #first: Hop;
  #held: Held[] | undefined = [];
  #heldBytes = 0;
  readonly #isOpen = Promise.withResolvers<void>();

  constructor(hop: Hop, id: number) {
    this.#hop = hop;
    this.#id = id;
    this.#first = hop.above[0] ?? hop;
  }

  get heardAt(): number {
    return this.#hop.link?.heardAt ?? 0;
  }

  /** Bytes of messages that wait because the child is not started yet. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The child is started: sends what was held, and from now on everything at once. */
  open(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#heldBytes = 0;
    for (const message of held) message.withdraw = message.send();
    this.#isOpen.resolve();
  }

  async ready(context: number): Promise<void> {
    await this.#isOpen.promise;
    await this.#hop.link?.ready(context);
  }

  send(envelope: Envelope, body: readonly Chunk[], lane?: Lane, passage?: Passage): Withdraw {
    const send = (): Withdraw => this.#send(envelope, body, lane, passage);
    if (this.#held === undefined) return send();
    const length = lengthOf(body);
    const held: Held = { send, withdraw: () => this.#drop(held, length) };
    this.#held.push(held);
    this.#heldBytes += length;
    return () => held.withdraw();
  }

  limit(context: number, edges: readonly Edge[]): void {
    this.#hop.link?.limit(context, edges);
  }

  forget(context: number): void {
    this.#held = undefined;
    this.#heldBytes = 0;
    this.#hop.link?.forget(context);
    this.#isOpen.resolve();
  }

  #drop(held: Held, length: number): Progress {
    const at = this.#held?.indexOf(held) ?? -1;
    if (at < 0) return "sent";
    this.#held?.splice(at, 1);
    this.#heldBytes -= length;
    return "withdrawn";
  }

  #send(envelope: Envelope, body: readonly Chunk[], lane?: Lane, passage?: Passage): Withdraw {
    const link = this.#hop.link;
    if (link === undefined) return () => "sent";
    // Only modules are compressed: they are what many contexts are sent alike, beside some files.
    const isCommon = (envelope.flags & FLAGS.DEFLATE) !== 0 || body.some(isAlike);
    const isShared = isCommon && envelope.dst === this.#id;
    const parts = isShared ? this.#hop.share(body as readonly Uint8Array[]) : undefined;
    if (parts === undefined) return link.send(envelope, body, lane, passage);
    const { dst, handle, reply, flags } = envelope;
    const order = {
      dst: this.#first.id + SWITCH_BIT,
      src: MASTER_ID,
      auth: MASTER_ID,
      handle: SWITCH.FORWARD,
      reply: 0,
      flags: 0,
    };
    const weight = HEADER_BYTES + lengthOf(body);
    const { chunks, length } = encodeValue([dst, handle, reply, flags, parts]);
    // Of two orders that are cut into frames, a switch could not tell the frames apart.
    if (length > LIMITS.maxFrameBytes) return link.send(envelope, body, lane, passage);
    return link.send(order, chunks, lane, { queue: this.#id, weight });
  }
}

function lengthOf(body: readonly Chunk[]): number {
  return body.reduce((sum, chunk) => sum + chunk.length, 0);
}
