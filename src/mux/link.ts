/** Link: the way that messages take from this process to contexts. */
import type { Chunk } from "../io/splice-pipe.ts";
import type { Envelope } from "../protocol/frame.ts";

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

/** Carries messages to one context, and to all contexts that are opened through that one. */
export interface Link {
  /** When bytes last came over it, on the clock of `performance.now`: its far end lived then. */
  readonly heardAt: number;
  /** The link keeps `body` until it is sent. */
  send(envelope: Envelope, body: readonly Chunk[], lane?: Lane): Withdraw;
  /** A context is gone: drop the messages that wait for it. */
  forget(context: number): void;
}
