/** ValueLink: what one end of a channel needs of the context at its other end. */
import type { ContextLink } from "../mux/context-link.ts";
import type { Body } from "../protocol/value.ts";

/**
 * Why the senders of a value are taken back. `unread`: the context never decoded the value.
 * `interrupted`: the function that had them was interrupted, and may not have closed them.
 */
export type ReleaseReason = "unread" | "interrupted";

/** The senders that were exported for one value. */
export interface SentSenders {
  /**
   * Forget the handles that no other value refers to; if the function was interrupted, only those
   * without a receiver. Called at most once.
   */
  release(why: ReleaseReason): void;
}

/** An encoded value, and the senders that were exported for it. */
export interface SentBody extends Body {
  readonly senders: SentSenders;
}

/** A context's link with the encoding of values, which may hold senders. `SenderTable` is one. */
export interface ValueLink extends ContextLink {
  /** @throws {ValueError} naming the path of the part that cannot be sent; exports nothing then */
  encode(value: unknown): SentBody;
  /** @throws {ProtocolError} `ERR_PROTOCOL_VALUE` */
  decode(body: Uint8Array): unknown;
}
