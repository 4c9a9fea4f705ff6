/**
 * Well-known handles: the integers that name a receiver in a context.
 *
 * Spelled identically in stage1/python/core.py, stage1/javascript/core.js and docs/protocol.md, "Handles", which says who listens,
 * what is received and what is replied. Those allocated at run time start at `FIRST_FREE_HANDLE`.
 */
export const HANDLES = {
  GET_MODULE: 100,
  CALL_FUNCTION: 101,
  FORWARD_LOG: 102,
  LOAD_MODULE: 103,
  CANCEL: 104,
  PING: 105,
  BOOT: 106,
} as const;

export const FIRST_FREE_HANDLE = 1000;

/** The master's own context id. */
export const MASTER_ID = 0;

/** In the marker and in BOOT: what both ends must agree on. */
export const PROTOCOL_VERSION = 1;
