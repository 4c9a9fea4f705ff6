/**
 * The JavaScript core, 1 of 4: what both threads use. The core is everything that a context needs
 * from its first message to its end. One source for Node.js 18 to 26 and Bun.
 *
 * The build joins the files (scripts/stage1.ts): shared.js, behind it main.js and boot.js as one
 * function for the main thread, and worker.js as another for the worker. The first stage evaluates
 * the result in the main thread. boot.js evaluates the same text once more in a worker thread.
 *
 * - The main thread runs user code, and may hang with it.
 * - The worker reads the connection, the pipes behind stdout and stderr, and the clock. It runs no
 *   user code, so it keeps control when the main thread hangs.
 *
 * What only some contexts need is in ../tier2, the second tier: modules named `econtext.NAME`.
 *
 * Either thread may write to the connection, under the *output lock*: `shared[OWNER]`. Starting
 * the worker takes longer than a first call. Until then the main thread reads and writes. From its
 * first turn on the worker holds the lock, and releases it to the main thread for short calls.
 *
 * The first stage leaves `R`, which reads N bytes of descriptor 3, and `c`, the text of the core.
 * The worker has no `R`.
 *
 * The bytes on the wire: docs/protocol.md. What happens in which order: docs/how-it-works.md.
 * Twin: stage1/python/core.
 */
// -- Handles -- docs/protocol.md, "Handles"; twin: src/protocol/handles.ts
const GET_MODULE = 100;
const CALL_FUNCTION = 101;
const FORWARD_LOG = 102;
const LOAD_MODULE = 103;
const CANCEL = 104;
const PING = 105;
const LOAD_BUNDLE = 107;

// -- Flags of a frame
const MORE = 1;
const CONT = 2;
const DEAD = 4;
const ERROR = 8;
const DEFLATE = 16;

const MAX_FRAME = 262144;
const MAX_QUEUE = 1 << 23;

// -- Words of memory that the two threads share
// The output lock: 0 free, 1 held by the worker, 2 held by the main thread, 3 held by the main
// thread while the worker waits for it.
const OWNER = 0;
const SIGNAL = 1; // how many messages the worker has sent to the main thread
const QUEUED = 2; // bytes that the main thread has handed over and the worker has not written
// The reply-to of the only call that has begun; negative while the main thread is not in the
// function of that call, or is in code of ours that the function has called.
const CURRENT = 3;
const DOOMED = 4; // the reply-to of the call that the worker interrupts
const ACK = 5; // how many cancels the main thread has seen
const CANCELS = 6; // how many cancels the worker has sent
const AIM = 7; // 1 while the worker interrupts: CURRENT was looked at, the interrupt is not over
// Behind these words: `tally`, the count of what was logged. Only the holder of the lock uses it.
const SPENT = 0; // the second up to which `rate` is used up; at most four seconds ago
const DROPPED = 1; // characters that were not sent

// Kept now: user code may replace these (fake timers do). The second tier takes those that it
// uses from `core`.
const { Buffer, Date, clearTimeout, queueMicrotask, setTimeout } = globalThis;
const load = require; // of Node.js, a global too
const fs = load("fs");
const proc = process;
const isBun = proc.versions.bun;
let shared, tally, me, lowest, rate, lease;
let spare; // in Bun: descriptors that are held for the worker's `open`

const openTally = () => {
  tally = new Float64Array(shared.buffer, 48);
};
const get = (word) => Atomics.load(shared, word);
const set = (word, value) => Atomics.store(shared, word, value);
const add = (word, value) => Atomics.add(shared, word, value);
const swap = (word, from, to) => Atomics.compareExchange(shared, word, from, to);
const json = (value) => Buffer.from(JSON.stringify(value));
const { kill } = proc;
const interrupt = () => kill(0, "SIGINT");
const die = () => kill(proc.pid, "SIGKILL");
const wait = (ms) => Atomics.wait(shared, 9, 0, ms);

// -- Frames ----------------------------------------------------------------------------------
/** Make the frames of one message for the master. */
const frames = (handle, body, flags = 0, reply = 0) => {
  const list = [];
  const size = body.length;
  for (let at = 0; at === 0 || at < size; at += MAX_FRAME) {
    const part = body.subarray(at, at + MAX_FRAME);
    const head = Buffer.allocUnsafe(24);
    const more = flags | (CONT * (at > 0)) | (MORE * (at + MAX_FRAME < size));
    [0, me, me, handle, reply, more * 16777216 + part.length].forEach((word, i) =>
      head.writeUInt32BE(word, i * 4),
    );
    list.push(head, part);
  }
  return list;
};

/**
 * Visit whole frames, until one is incomplete or `visit` returns true.
 *
 * @param visit is given handle, reply-to, body, flags, and whether the frame is for another
 * context. A frame for this context that is on another context's authority is skipped.
 * @returns how many bytes the visited frames have
 */
const walk = (bytes, visit) => {
  let at = 0;
  while (bytes.length - at >= 24) {
    const [dst, auth, handle, reply] = [0, 8, 12, 16].map((i) => bytes.readUInt32BE(at + i));
    const end = at + 24 + bytes.readUIntBE(at + 21, 3);
    if (bytes.length < end) break;
    const route = dst !== me;
    if (
      (route || !auth) &&
      visit(handle, reply, bytes.subarray(at + 24, end), bytes[at + 20], route)
    )
      break;
    at = end;
  }
  return at;
};

/**
 * Read or write all bytes of a buffer. `move` does it from one of them on, and returns the number
 * of bytes. A descriptor that others share may be non-blocking: try again soon. Every other error
 * is fatal.
 */
const all = (bytes, move) => {
  for (let at = 0; at < bytes.length; )
    try {
      at += move(at, bytes);
    } catch (e) {
      if (e.errno !== -11) die(); // EAGAIN
      wait(1);
    }
  return bytes;
};

/**
 * Write all bytes. Blocks while the master does not read, since nothing else could be sent either.
 */
const write = (bytes) => all(bytes, (at) => fs.writeSync(4, bytes, at));

// -- IoLogger: what user code and its children print -- all under the output lock -------------
// Output is read into this memory, and copied. New memory for each read costs more than all else.
const chunk = Buffer.alloc(MAX_FRAME);
let printed; // descriptor: name

const put = (...message) => write(Buffer.concat(frames(...message)));

/**
 * Send one log record, if the master wants its level.
 *
 * @param part 1: a piece of what was printed, with a character for each byte
 */
const log = (level, name, message, when, part) => {
  if (level < lowest) return;
  const now = Date.now() / 1e3;
  const spent = Math.max(tally[SPENT], now - 4) + message.length / rate;
  if (spent > now && rate) {
    tally[DROPPED] += message.length;
    return;
  }
  tally[SPENT] = spent;
  if (tally[DROPPED])
    put(FORWARD_LOG, json([level, name, `(${tally[DROPPED]} characters dropped)`, now]));
  tally[DROPPED] = 0;
  message &&
    put(FORWARD_LOG, json([level, name, message.replace(/\p{Cs}/gu, "\ufffd"), when || now, part]));
};

/** Log what was printed, as it comes: what this process kept, a crash would take with it. */
const logPrinted = (fd, bytes) => log(20, printed[fd], Buffer.from(bytes).latin1Slice(), 0, 1);

/** Log all that was printed so far. */
const settle = () => {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  for (const fd in printed) {
    try {
      for (let n; (n = fs.readSync(+fd, chunk)); ) logPrinted(fd, chunk.subarray(0, n));
    } catch {
      logPrinted(fd, ""); // an empty record says what was dropped
    }
  }
  Error.stackTraceLimit = limit;
};

/** Send messages of the main thread, behind what was printed before. */
const say = (messages) => {
  settle();
  for (const { out, record } of messages) {
    if (record) log(...record);
    if (out) write(out);
  }
};

/** Receive the messages of a port. Bun has web events only, which are slow in Node.js. */
const listen = (port, receive) => {
  if (isBun) port.onmessage = ({ data }) => receive(data);
  else port.on("message", receive);
};
