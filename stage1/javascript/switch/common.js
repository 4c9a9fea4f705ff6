/**
 * econtext.children: the switch of a hop. It starts children, which are contexts of their own, and
 * carries their frames. It runs in the worker thread, so a main thread that hangs holds up nothing.
 *
 * Second tier, but no module: a program for the worker (`forward` in core/worker.js). Its master
 * sends it in the first frame for another context. The program installs the function that takes all
 * later ones. Twin: children.py. Spec: docs/protocol.md, "The switch".
 */
const [install, load, me, acquire, frames, pass, write] = core;
const { accessSync, constants, readFileSync, statSync, writeFileSync, writevSync } = load("fs");

// Operations: docs/protocol.md, "The switch".
const START = 1;
const WRITE = 2;
const CLOSE = 3;
const ROUTE = 4;
const UNROUTE = 5;
const KEEP = 6;
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
const MORE = 1;
const CONT = 2;
const DEAD = 4;
const DEFLATE = 16;
const KNOWN_FLAGS = 31;

const HEADER = 24;
const MAX_FRAME = 262144;
const MAX_LENGTH = 0xffffff; // what a frame's header can say
const SWITCH = 0x80000000; // the switch of context N is addressed as N + SWITCH
const MAX_WAITING = 67108864; // bytes that wait for a child when no further message is taken
const BATCH = 65536; // small frames are written together, up to so many bytes
const REPORT = 65536; // so many written bytes are reported at once …
const REPORT_MS = 20; // … and fewer after a moment, so that short calls need no report each
const TAIL = 32768; // bytes of error output that are kept
const DRAIN_MS = 250; // how long the pipes of an ended process may be silent before they are closed
const MAX_LATE = 1048576; // bytes that are read of them: as many as Linux lets a pipe hold
const REAP_MS = 3000; // how long a closed child may go on
const MAX_FAULTS = 100; // reports a second for each child

const env = { ...process.env };
const children = new Map(); // id: the child that became that context
const routes = new Map(); // id of a context: the child that it is behind
const kept = new Map(); // key: bytes that the master has sent once

/** Send one message to the master. */
const tell = (handle, value, flags) => {
  acquire();
  write(Buffer.concat(frames(handle, Buffer.from(JSON.stringify(value)), flags)));
};
