/**
 * The worker's half of econtext.splice: zero copy between the stream and commands, in Bun on Linux.
 * It is a program for the worker, no module: splice.js fetches its text, and has the worker run it
 * with the parts of the core that ../core/worker.js lists (`forward`).
 *
 * - A *sink* is the standard input of a command. Large frames of bytes for its channel are spliced
 *   from the stream to it, if all that came before has been written.
 * - A *source* is an output of a command. What it prints is spliced to the stream, as far as there
 *   is credit, for as long as it prints much.
 *
 * The runtime goes on to read the stream, in the same thread. The order of the bytes is kept only
 * if the runtime has delivered all that it has read. It delivers in microtasks, and then waits for
 * more: so this program reads in a turn of its own (`setImmediate`), when all microtasks are over.
 *
 * STARTED is defined in front of this text: the handle to report to when the program runs.
 * Twins: stage1/python/tier2/splice.py, src/io/splice-pipe.ts.
 */
const [, load, me, acquire, frames, pass, write, divert] = core;
const { closeSync, constants, openSync } = load("fs");
const CALLS = {
  ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
  poll: { args: ["ptr", "usize", "i32"], returns: "i32" },
  read: { args: ["i32", "ptr", "usize"], returns: "i32" },
  splice: { args: ["i32", "ptr", "i32", "ptr", "usize", "u32"], returns: "i32" },
  write: { args: ["i32", "ptr", "usize"], returns: "i32" },
};
const calls = load("bun:ffi").dlopen("libc.so.6", CALLS).symbols;
const [MOVE, NONBLOCK] = [1, 2];
const FIONREAD = 0x541b;
const [POLLIN, POLLOUT, GONE] = [1, 4, 8 | 16 | 32];
// The stream. Other processes share the descriptor that blocks.
const STREAM_IN = openSync("/proc/self/fd/3", constants.O_RDONLY | constants.O_NONBLOCK);
const STREAM_OUT = 4;
const [MORE, DEAD, ERROR] = [1, 4, 8]; // flags
const HEADER = 24;
const OVERHEAD = 24; // of a value, in credit
const MOST = 262144 - 22; // bytes of one frame
const LARGE = 32768; // bytes of a frame from which on a splice costs less than two copies
const ENOUGH = 65536; // bytes at once from which on no nap is due
const GRANT = 1 << 19; // bytes that are taken until credit for them is granted
// After so long, the event loop has its turn. It reads the credit for what commands print.
const TURN_MS = 3;
const LONG_TURN_MS = 10;
const MAX_STEPS = 64;
const NAP_MS = 0.2; // what a command prints meanwhile costs one frame instead of many
const WAIT_MS = 1;
const SILENT_MS = 100;
const PATIENCE = 25; // turns without a byte, after which the event loop waits
const ROOM_MS = 5; // that a frame waits for room
const nap = new Int32Array(new SharedArrayBuffer(4));
const sinks = new Map(); // by the handle of its channel
const sources = new Map(); // by the handle for reports
const entry = new Int32Array(2); // struct pollfd
const count = new Int32Array(1);

/** Wait for one of these events. @returns those that came */
const wait = (fd, events, ms) => {
  entry[0] = fd;
  entry[1] = events;
  return calls.poll(entry, 1, ms) > 0 ? entry[1] >> 16 : 0;
};

const available = (fd) => (calls.ioctl(fd, FIONREAD, count) < 0 ? 0 : count[0]);

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

const heads = new Map(); // by the size of the body
/** The head of a body of `size` bytes, if its value is nothing but bytes. */
const headIn = (size) => {
  let head = heads.get(size);
  const least = headOf(0).length - 1; // without the digits of the size
  for (let digits = 4; !head; digits++) {
    const found = headOf(Math.max(0, size - least - digits));
    if (found.length === least + digits || digits > 7) head = found;
  }
  if (heads.size > 99) heads.clear();
  heads.set(size, head);
  return head;
};

// -- From the stream to a command
let held; // the beginning of a frame: its header is not whole, or the head of its value
let body; // of a frame that goes to a sink: { sink, size, left }
let isDue = false; // a turn
let flows = false; // the body of such a frame has come
let feed; // of the core: it takes all other frames
let state;

/** The sink of a frame whose header is there. Values that go to the core are counted. */
const sinkOf = (bytes, at) => {
  const sink = sinks.get(bytes.readUInt32BE(at + 12));
  if (!sink || bytes.readUInt32BE(at) !== me || bytes.readUInt32BE(at + 8)) return undefined;
  const isLarge = bytes.readUIntBE(at + 21, 3) >= LARGE;
  if (isLarge && !bytes[at + 20] && sink.written === sink.passed && !sink.isBroken) return sink;
  if (!(bytes[at + 20] & (MORE | DEAD | ERROR))) sink.passed++;
  return undefined;
};

/** Have the rest of the body read normally, as a frame of its own. */
const giveUp = () => {
  const { sink, left, size } = body;
  body = undefined;
  const head = headOf(left);
  sink.passed++;
  account(sink, size - head.length - left);
  feed(Buffer.concat([headerOf(me, 0, sink.handle, head.length + left), head]));
};

/** Grant the master as much credit as was taken here. So the window of the channel stays. */
const account = (sink, size) => {
  sink.taken += size;
  if (sink.taken < GRANT) return;
  acquire();
  write(Buffer.concat(frames(sink.credits, Buffer.from(String(sink.taken)))));
  sink.taken = 0;
};

/** So many bytes of the body are where they belong. */
const moved = (size) => {
  body.left -= size;
  flows = true;
  if (body.left) return;
  const { sink, size: all } = body;
  body = undefined;
  account(sink, all + OVERHEAD);
};

/** Wait a moment until the sink takes more. @returns whether it does */
const hasRoom = ({ fd }) => {
  const events = wait(fd, POLLOUT, ROOM_MS);
  return events !== 0 && !(events & GONE);
};

/** Write bytes that were read. @returns those that are not the body's */
const put = (bytes) => {
  while (bytes.length && body) {
    const n = calls.write(body.sink.fd, bytes, Math.min(bytes.length, body.left));
    if (n > 0) {
      bytes = bytes.subarray(n);
      moved(n);
    } else if (!hasRoom(body.sink)) giveUp();
  }
  return bytes;
};

/**
 * Begin a frame for a sink. @returns the bytes behind its head; undefined while that is not whole
 */
const begin = (sink, bytes) => {
  const size = bytes.readUIntBE(21, 3);
  const head = headIn(size);
  const end = HEADER + head.length;
  if (bytes.length < end) return undefined;
  if (head.equals(bytes.subarray(HEADER, end))) {
    body = { sink, size, left: size - head.length };
    return bytes.subarray(end);
  }
  sink.passed++;
  feed(bytes.subarray(0, HEADER + size));
  return bytes.subarray(HEADER + size);
};

const queue = []; // what the runtime has read, until the next turn
let queued = 0; // bytes
let heard = 0; // when the runtime has read something
/**
 * As `feed`, with the frames for sinks taken out. Before a turn, bytes only wait for it: the
 * runtime reads on and on while it finds bytes, and it finds none as soon as this is quick.
 */
const take = (bytes) => {
  heard = performance.now();
  if (!isDue) return accept(bytes);
  // The core clears short chunks.
  queue.push(bytes.length < 4096 ? Buffer.from(bytes) : bytes);
  queued += bytes.length;
  if (queued > MOST) drain();
};

const drain = () => {
  queued = 0;
  for (const bytes of queue.splice(0)) accept(bytes);
};

const accept = (bytes) => {
  if (held) {
    bytes = Buffer.concat([held, bytes]);
    held = undefined;
  }
  while (bytes.length) {
    if (body) {
      bytes = put(bytes);
      continue;
    }
    if (!sinks.size) return feed(bytes);
    const [frame, got] = state();
    let end = got && frame.length - got;
    let sink;
    // The header that the core has begun tells how long that frame is.
    const isKnown = !got || got >= HEADER;
    while (isKnown && bytes.length - end >= HEADER) {
      sink = sinkOf(bytes, end);
      if (sink) break;
      end += HEADER + bytes.readUIntBE(end + 21, 3);
    }
    feed(bytes.subarray(0, end));
    bytes = bytes.subarray(end);
    if (!isKnown) {
      const [begun, size] = state();
      if (size >= HEADER) sinkOf(begun, 0);
      continue;
    }
    const rest = sink && begin(sink, bytes);
    if (!rest) {
      if (bytes.length) held = Buffer.from(bytes);
      break;
    }
    bytes = rest;
  }
  if (body || flows) wake();
  flows = false;
};

const lines = Buffer.alloc(HEADER + headOf(MOST).length);
/** Begin the next frame. More may be read than its head. @returns whether bytes were there */
const next = () => {
  const n = calls.read(STREAM_IN, lines, lines.length);
  if (n > 0) accept(Buffer.from(lines.subarray(0, n)));
  return n > 0;
};

/** Move bytes of the body. @returns how many; 0 if none are there, or there is no room */
const moveBody = () => {
  const { sink, left } = body;
  const n = calls.splice(STREAM_IN, null, sink.fd, null, left, MOVE | NONBLOCK);
  if (n > 0) {
    sink.failed = 0;
    moved(n);
    return n;
  }
  if (!wait(STREAM_IN, POLLIN, 0)) return 0;
  const isFull = !hasRoom(sink);
  sink.isBroken = !isFull && ++sink.failed > PATIENCE;
  if (isFull || sink.isBroken) giveUp();
  return 0;
};

/**
 * Whether the next bytes of the stream are this module's to read. Now and then the runtime has to
 * read some: the core takes only that for a sign of life.
 */
const isOurs = () => {
  if (performance.now() - heard > SILENT_MS) return false;
  return body !== undefined || held !== undefined || (sinks.size > 0 && !state()[1]);
};

/** Move what is there to the sinks. @returns the number of steps that moved bytes */
const moveIn = () => {
  let steps = 0;
  while (steps < MAX_STEPS && isOurs() && (body ? moveBody() : next())) steps++;
  return steps;
};

// -- From a command to the stream
const spare = Buffer.alloc(65536);
/** Move bytes that are there. As the core's `write`, it blocks while the master does not read. */
const moveOut = (fd, size) => {
  while (size) {
    let n = calls.splice(fd, null, STREAM_OUT, null, size, MOVE);
    if (n <= 0) {
      n = calls.read(fd, spare, Math.min(size, spare.length));
      if (n <= 0) throw new Error("bytes are gone");
      write(spare.subarray(0, n));
    }
    size -= n;
  }
};

/**
 * Let the main thread read it again. That is told how much credit was used: more may be on its way.
 */
const giveBack = (source) => {
  drop(source.report);
  report(source.report, source.used);
};

/** Send what a command has printed. @returns whether there was enough not to wait */
const pour = (source) => {
  const { fd, handle } = source;
  const there = available(fd);
  if (!there) {
    source.idle++;
    const isOver = wait(fd, POLLIN, 0) && !available(fd);
    if (source.idle > PATIENCE || isOver) giveBack(source);
    return false;
  }
  if (there < ENOUGH && source.idle === 0) {
    source.idle++;
    return false;
  }
  source.idle = 0;
  const size = Math.min(there, MOST);
  const head = headOf(size);
  acquire();
  write(Buffer.concat([headerOf(0, me, handle, head.length + size), head]));
  moveOut(fd, size);
  const cost = head.length + size + OVERHEAD;
  source.credit -= cost;
  source.used += cost;
  return there >= ENOUGH;
};

// -- Turns
const turn = () => {
  isDue = false;
  drain();
  let isBusy = false;
  const until = performance.now() + (sources.size ? TURN_MS : LONG_TURN_MS);
  for (let isOpen = true; isOpen && performance.now() < until; ) {
    const flowing = [...sources.values()].filter(({ credit }) => credit > 0);
    let isMuch = moveIn() > 0;
    if (isMuch || flowing.length) isBusy = true;
    for (const source of flowing) isMuch = pour(source) || isMuch;
    isOpen = isOurs() || flowing.length > 0;
    if (isMuch || !isOpen) continue;
    if (flowing.length) Atomics.wait(nap, 0, 0, NAP_MS);
    else wait(STREAM_IN, POLLIN, WAIT_MS);
  }
  if (isBusy) wake();
};

const wake = () => {
  if (!isDue) setImmediate(turn);
  isDue = true;
};

const drop = (number) => {
  closeSync(sources.get(number).fd);
  sources.delete(number);
};

divert((...theirs) => {
  [feed, state] = theirs;
  return take;
});

/** What the main thread asks for. Each descriptor is then this thread's. */
globalThis.splicer = {
  sink(handle, fd, number, credits) {
    sinks.set(handle, { handle, fd, credits, passed: 0, written: -1, taken: 0, failed: 0 });
    const [frame, got] = state();
    if (got >= HEADER) sinkOf(frame, 0);
    report(number);
  },
  /** All that was passed on is written, up to the frame of that number. */
  idle(handle, written) {
    const sink = sinks.get(handle);
    if (sink) sink.written = written;
  },
  unsink(handle) {
    const sink = sinks.get(handle);
    if (!sink) return;
    if (body?.sink === sink) giveUp();
    sinks.delete(handle);
    closeSync(sink.fd);
  },
  source(handle, fd, number, credit) {
    sources.set(number, { handle, fd, report: number, credit, used: 0, idle: 0 });
    wake();
  },
  credit(number, bytes) {
    const source = sources.get(number);
    if (!source) return;
    source.credit += bytes;
    wake();
  },
  unsource(number) {
    if (sources.has(number)) drop(number);
  },
};
report(STARTED);
