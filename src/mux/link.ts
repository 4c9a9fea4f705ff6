/** Link: the way that messages take from this process to contexts. */
import type { Chunk } from "../io/splice-pipe.ts";
import type { Envelope } from "../protocol/frame.ts";
import type { Edge } from "./edge.ts";

/**
 * The order in which messages go out. `control` overtakes the others. `answer` waits like `bulk`,
 * but only a limited number of bytes: the far side asks for answers, and may not read them.
 */
export type Lane = "bulk" | "control" | "answer";

/** How far a message came. */
export type Progress = "withdrawn" | "begun" | "sent";

/** Takes a message back if no byte of it was sent. @returns how far the message came */
export type Withdraw = () => Progress;

/** For a message that cannot be taken back: it is sent, or nothing carries it any more. */
export const alreadySent: Withdraw = () => "sent";

/** How a message goes that does not simply stand in the queue of its destination. */
export interface Passage {
  /** The context whose queue it stands in, in order with that context's messages. */
  readonly queue: number;
  /** Bytes that it becomes at the hop that makes a message of it. */
  readonly weight: number;
}

/** Carries messages to one context, and to all contexts that are opened through that one. */
export interface Link {
  /** When bytes last came over it, on the clock of `performance.now`: its far end lived then. */
  readonly heardAt: number;
  /** Bytes that went over it so far, if it counts them. */
  readonly traffic?: { readonly sent: number; readonly received: number };
  /** Writes what was sent in this turn of the event loop, instead of at its end. */
  flush?(): void;
  /** The link keeps `body` until it is sent. */
  send(envelope: Envelope, body: readonly Chunk[], lane?: Lane, passage?: Passage): Withdraw;
  /** Messages for `context` wait until there is room on each of these edges. */
  limit(context: number, edges: readonly Edge[]): void;
  /** Resolves when more may be queued for `context`, and when the link is closed. */
  ready(context: number): Promise<void>;
  /** A context is gone: drop the messages that wait for it. */
  forget(context: number): void;
}
