/**
 * The limits of the protocol. docs/protocol.md, "Limits", says what each is for, and what happens
 * when it is crossed. Limits that concern one part of the program stand in that part.
 */
export interface Limits {
  /**
   * Body of one frame: so small that a control message waits only a short time for a bulk frame.
   */
  readonly maxFrameBytes: number;
  /** Body of one message: bounds the memory that one slave can take in its master. */
  readonly maxMessageBytes: number;
  /** Nesting of a value: the native parsers of both languages recurse. */
  readonly maxDepth: number;
  /** Bytes that a login shell may print before the marker. */
  readonly maxNoiseBytes: number;
  readonly maxPendingCalls: number;
  /** Senders that one context has given, and whose channels are open. */
  readonly maxSenders: number;
  /** Bytes that wait to be written to one context before its callers have to wait. */
  readonly maxQueuedBytes: number;
  /** Bytes of modules that one context asked for and did not read yet, without the last answer. */
  readonly maxAnswerBytes: number;
  /** Dropped messages of one context (wrong source, unknown handle) before it is ended. */
  readonly maxStrikes: number;
  /** Bytes that may be under way to a receiver at first, before it grants credit. */
  readonly windowBytes: number;
  /** Bytes that the window of a receiver may grow to. */
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
