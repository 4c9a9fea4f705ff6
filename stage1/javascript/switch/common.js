/**
 * Second program, its beginning: what its files share. start.js says what the programs are, and
 * SWITCH_PARTS of scripts/stage1.ts has their files in the order in which they run.
 */
const [install, load, me, acquire, frames, pass, write, , early] = core;
const { started, programOf, start, prepared, isProgram, pathsOf, env, kept, bytesOf, decode } =
  early;
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
const HEARD = 14;
const CONNECT = 15;

// Handles and flags: core/shared.js has the same.
const CALL_FUNCTION = 101;
const FORWARD_LOG = 102;
const CANCEL = 104;
const PING = 105;
const BOOT = 106;
const MORE = 1;
const CONT = 2;
const DEAD = 4;
const ERROR = 8;
const DEFLATE = 16;
const KNOWN_FLAGS = 31;

const HEADER = 24;
const SWITCH = 0x80000000; // the switch of context N is addressed as N + SWITCH
