/**
 * Well-known handles: the integers that name a receiver in a context.
 *
 * docs/protocol.md, "Handles", says for each which side listens, what it receives and what it
 * replies. stage1/python/core and stage1/javascript/core have the same numbers. Handles that
 * are allocated at run time start at `FIRST_FREE_HANDLE`.
 */
export const HANDLES = {
  GET_MODULE: 100,
  CALL_FUNCTION: 101,
  FORWARD_LOG: 102,
  LOAD_MODULE: 103,
  CANCEL: 104,
  PING: 105,
  BOOT: 106,
  LOAD_BUNDLE: 107,
} as const;

export const FIRST_FREE_HANDLE = 1000;

/** The master's own context id. */
export const MASTER_ID = 0;

/** Stands in the marker and in BOOT: both ends must have the same. */
export const PROTOCOL_VERSION = 1;

/** Operations of a switch: the handles of frames for it. */
export const SWITCH = {
  START: 1,
  WRITE: 2,
  CLOSE: 3,
  ROUTE: 4,
  UNROUTE: 5,
  KEEP: 6,
  RUN: 7,
  FORWARD: 8,
  RELAY: 9,
  RESTART: 10,
  RELAYED: 11,
  INJECT: 12,
  UNRELAY: 13,
  HEARD: 14,
  CONNECT: 15,
} as const;

/** Added to a context's id, it is the address of the context's switch. */
export const SWITCH_BIT = 0x80000000;
