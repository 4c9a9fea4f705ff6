/**
 * The switch of a JavaScript hop. It starts children, which are contexts of their own, and carries
 * their frames. It runs in the worker thread, so a main thread that hangs holds up nothing.
 *
 * It is no module: the worker (core/worker.js, `forward`) runs its two programs. The first program
 * comes in the first frame for another context, before the first START. It starts the programs of
 * children as most of them are started. The children wait for that, so it has nothing else. The
 * second program comes after that START, and is compiled while the child boots. What the first
 * program cannot do, it leaves to the second.
 *
 * First program: start.js, bun_process.js, program.js, early.js. Second program: all other files,
 * from common.js to switch.js. Third program, for hops that make connections: connection.js.
 * Twin: stage1/python/switch. Spec: docs/protocol.md, "The switch".
 */
const [install, load, me] = core;
const { accessSync, constants, readFileSync, statSync } = load("fs");

// common.js has the same.
const START = 1;
const KEEP = 6;
const FORWARD = 8;
const BOOT = 106;
const MORE = 1;
const CONT = 2;
const HEADER = 24;
const SWITCH = 0x80000000;
