/**
 * Every bound of the protocol, in one place. docs/protocol.md, "Limits", says what each is for and what happens when
 * it is crossed: the stream that crossed it ends, and no other.
 */
export interface Limits {
  /** Body of one frame. Small enough that a control message never waits long behind a bulk frame. */
  readonly maxFrameBytes: number;
  /** Body of one message: bounds what one slave can make its master hold. */
  readonly maxMessageBytes: number;
  /** Nesting of a value: both languages' native parsers recurse. */
  readonly maxDepth: number;
  /** What a login shell may print before the marker. */
  readonly maxNoiseBytes: number;
  readonly maxPendingCalls: number;
  /** Senders that one context has given and whose channels are open. */
  readonly maxSenders: number;
  /** What waits to be written to one stream before callers have to wait. */
  readonly maxQueuedBytes: number;
  /** Modules and their data that one context asked for and did not take yet, beside the last. */
  readonly maxAnswerBytes: number;
  /** Messages a stream may send that are dropped (wrong source, unknown handle) before it is ended. */
  readonly maxStrikes: number;
  /** What may be under way to a receiver at first, unasked. */
  readonly windowBytes: number;
  /** What its window may grow to. */
  readonly maxWindowBytes: number;
  readonly logBurstBytes: number;
  readonly logBytesPerSecond: number;
}

export const LIMITS: Limits = {
  maxFrameBytes: 262144,
  maxMessageBytes: 268435456,
  maxDepth: 100,
  maxNoiseBytes: 1048576,
  maxPendingCalls: 100000,
  maxSenders: 100000,
  maxQueuedBytes: 8388608,
  maxAnswerBytes: 67108864,
  maxStrikes: 1000,
  windowBytes: 262144,
  maxWindowBytes: 4194304,
  logBurstBytes: 4194304,
  logBytesPerSecond: 1048576,
};
