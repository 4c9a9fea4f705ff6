/**
 * The switch of a JavaScript hop. It starts children, which are contexts of their own, and carries
 * their frames. It runs in the worker thread, so a main thread that hangs holds up nothing.
 *
 * It is no module: the worker (core/worker.js, `forward`) runs its two programs. The first one can
 * start a program: it ends with early.js. It comes in the first frame for another context, before
 * the first START. The second one comes after that START, and is compiled while the child boots.
 * This file begins both. Twin: stage1/python/switch. Spec: docs/protocol.md, "The switch".
 */
const [install, load, me, acquire, frames, pass, write, early] = core;
const { accessSync, constants, readFileSync, statSync, writeFileSync, writevSync } = load("fs");

// Operations: docs/protocol.md, "The switch".
const START = 1;
const WRITE = 2;
const CLOSE = 3;
const ROUTE = 4;
const UNROUTE = 5;
const KEEP = 6;
const RUN = 7;
const FORWARD = 8;
const RELAY = 9;
const RESTART = 10;
const RELAYED = 11;
const INJECT = 12;
const UNRELAY = 13;

// Handles and flags: core/shared.js has the same.
const CALL_FUNCTION = 101;
const FORWARD_LOG = 102;
const CANCEL = 104;
const PING = 105;
const BOOT = 106;
const MORE = 1;
const CONT = 2;
const DEAD = 4;
const DEFLATE = 16;
const KNOWN_FLAGS = 31;

const HEADER = 24;
const SWITCH = 0x80000000; // the switch of context N is addressed as N + SWITCH
