/**
 * The worker's half of econtext.splice: bytes go between the stream and a command's streams without
 * crossing a thread, by splice(2) in Bun on Linux. It is a program for the worker, no module:
 * splice.js fetches its text, and has the worker run it with the parts of the core that
 * ../../core/worker.js lists (`forward`).
 *
 * - A *sink* is the standard input of a command. Large frames of bytes for its channel go from the
 *   stream to it, if all that came before has been written.
 * - A *source* is an output of a command. What it prints goes to the stream, as far as there is
 *   credit, for as long as it prints much.
 *
 * The build joins the files: common.js, kernel.js, sinks.js, sources.js, stream.js, turns.js,
 * program.js.
 *
 * STARTED is defined in front of this text: the handle to report to when the program runs.
 * Twins: stage1/python/tier2/splice.py, src/io/splice-pipe.ts.
 */
const [, load, me, acquire, frames, pass, write, divert] = core;
const fs = load("fs");
const STREAM_OUT = 4;
const [MORE, DEAD, ERROR] = [1, 4, 8]; // flags
const HEADER = 24;
const OVERHEAD = 24; // of a value, in credit
const MOST = 262144 - 22; // bytes of one frame
const LARGE = 32768; // bytes of a frame from which on a splice costs less than two copies
const ENOUGH = 65536; // bytes at once from which on no nap is due
const GRANT = 1 << 19; // bytes that are taken until credit for them is granted
const NAP_MS = 0.2; // what a command prints meanwhile costs one frame instead of many
const PATIENCE = 25; // turns without a byte, after which the event loop waits
const ROOM_MS = 5; // that a frame waits for room
const sinks = new Map(); // by the handle of its channel
const sources = new Map(); // by the handle for reports
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const nap = () => Atomics.wait(sleeper, 0, 0, NAP_MS);

/** Send the main thread a message, after all frames that came before. */
const report = (handle, ...words) => {
  const body = Buffer.from(JSON.stringify(words));
  pass(Buffer.concat([headerOf(me, 0, handle, body.length), body]));
};

const headerOf = (dst, auth, handle, size) => {
  const header = Buffer.alloc(HEADER);
  [dst, auth, auth, handle, 0, size].forEach((word, i) => {
    header.writeUInt32BE(word, i * 4);
  });
  return header;
};

const headOf = (size) => {
  const text = `{"!b":[0,${size}]}`;
  const head = Buffer.alloc(5 + text.length);
  head.writeUInt32BE(text.length, 1);
  head.write(text, 5);
  return head;
};

/**
 * End this process: what was sent so far cannot be completed. The guard prints what is left in the
 * pipe behind stderr.
 */
const fail = (why) => {
  fs.writeSync(2, `econtext: ${why}\n`);
  process.kill(process.pid, "SIGKILL");
};
