/**
 * ReplayLink: sends messages to the child that is tried first, and keeps them until a child has
 * answered. If another child takes the place of the first one, it is sent all of them again.
 */
import type { Envelope } from "../protocol/frame.ts";
import type { Edge } from "./edge.ts";
import { type BodySink, type DirectLink, directLink } from "./frame-receiver.ts";
import type { Lane, Link, Passage, Withdraw } from "./link.ts";

interface Sent {
  readonly envelope: Envelope;
  readonly body: readonly Uint8Array[];
  readonly lane: Lane | undefined;
  readonly passage: Passage | undefined;
  readonly length: number;
  withdraw: Withdraw;
}

export class ReplayLink implements Link, DirectLink {
  #link: Link | undefined;
  #sent: Sent[] = [];
  #settled = false;
  #bytes = 0;

  /** Bytes of the messages that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Sends the kept messages, and all that follow, to `link`. Without a link they are only kept. */
  lead(link: Link | undefined): void {
    this.#link = link;
    for (const one of this.#sent) {
      one.withdraw = link?.send(one.envelope, one.body, one.lane, one.passage) ?? withdrawn;
    }
  }

  /** The child has answered: its link stays, and no message is kept any more. */
  settle(): void {
    this.#settled = true;
    this.#sent = [];
    this.#bytes = 0;
  }

  send(envelope: Envelope, body: readonly Uint8Array[], lane?: Lane, passage?: Passage): Withdraw {
    const withdraw = this.#link?.send(envelope, body, lane, passage) ?? withdrawn;
    if (this.#settled) return withdraw;
    const length = body.reduce((sum, chunk) => sum + chunk.length, 0);
    const one: Sent = { envelope, body, lane, passage, length, withdraw };
    this.#sent.push(one);
    this.#bytes += length;
    return () => {
      const progress = one.withdraw();
      if (progress === "withdrawn") this.#drop(one);
      return progress;
    };
  }

  ready(context: number): Promise<void> {
    return this.#link?.ready(context) ?? Promise.resolve();
  }

  limit(context: number, edges: readonly Edge[]): void {
    this.#link?.limit(context, edges);
  }

  /** As `DirectLink`, on the link of now: the slave that sends is the one that has answered. */
  direct(src: number, handle: number, sink: BodySink): () => void {
    return directLink(this.#link)?.direct(src, handle, sink) ?? (() => {});
  }

  get heardAt(): number {
    return this.#link?.heardAt ?? 0;
  }

  forget(context: number): void {
    this.#link?.forget(context);
  }

  #drop(one: Sent): void {
    const at = this.#sent.indexOf(one);
    if (at < 0) return;
    this.#sent.splice(at, 1);
    this.#bytes -= one.length;
  }
}

function withdrawn(): "withdrawn" {
  return "withdrawn";
}
