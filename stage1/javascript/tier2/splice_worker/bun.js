/**
 * Part of econtext.splice_worker: how Bun splices, by the C library.
 *
 * The runtime goes on to read the stream, in the same thread. The order of the bytes is kept only
 * if the runtime has delivered all that it has read. It delivers in microtasks, and then waits for
 * more: so this program reads in a turn of its own (`setImmediate`), when all microtasks are over.
 */
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
const { O_NONBLOCK, O_RDONLY } = fs.constants;
const STREAM_IN = fs.openSync("/proc/self/fd/3", O_RDONLY | O_NONBLOCK);
const LONG_TURN_MS = 10;
const MAX_STEPS = 64;
const WAIT_MS = 1;
const SILENT_MS = 100;
const entry = new Int32Array(2); // struct pollfd
const count = new Int32Array(1);

/** Wait for one of these events. @returns those that came */
const wait = (fd, events, ms) => {
  entry[0] = fd;
  entry[1] = events;
  return calls.poll(entry, 1, ms) > 0 ? entry[1] >> 16 : 0;
};

const available = (fd) => (calls.ioctl(fd, FIONREAD, count) < 0 ? 0 : count[0]);

/** Wait a moment until a descriptor takes more. @returns whether it does */
const hasRoom = (fd) => {
  const events = wait(fd, POLLOUT, ROOM_MS);
  return events !== 0 && !(events & GONE);
};

// -- The stream
const queue = []; // what the runtime has read, until the next turn
let queued = 0; // bytes
let heard = 0; // when the runtime has read something
/**
 * Before a turn, bytes only wait for it: the runtime reads on and on while it finds bytes, and it
 * finds none as soon as this is quick.
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

const lines = Buffer.alloc(HEADER + headOf(MOST).length);
/** Begin the next frame. More may be read than its head. @returns whether bytes were there */
const next = () => {
  const n = calls.read(STREAM_IN, lines, lines.length);
  if (n > 0) accept(Buffer.from(lines.subarray(0, n)));
  return n > 0;
};

/** Splice bytes of the body. @returns how many; 0 if none are there, or there is no room */
const spliceBody = () => {
  const { sink, left } = body;
  const n = calls.splice(STREAM_IN, null, sink.fd, null, left, MOVE | NONBLOCK);
  if (n > 0) {
    sink.failed = 0;
    moved(n);
    return n;
  }
  if (!wait(STREAM_IN, POLLIN, 0)) return 0;
  const isFull = !hasRoom(sink.fd);
  sink.isBroken = !isFull && ++sink.failed > PATIENCE;
  if (isFull || sink.isBroken) giveUp();
  return 0;
};

/** Now and then the runtime has to read some: the core takes only that for a sign of life. */
const isOurs = () => {
  if (performance.now() - heard > SILENT_MS) return false;
  return body !== undefined || held !== undefined || (sinks.size > 0 && !state()[1]);
};

// -- Outputs
const spare = Buffer.alloc(65536);
/** Splice bytes that are there. As `write`, it blocks while the master does not read. */
const spliceTo = (fd, size) => {
  while (size) {
    let n = calls.splice(fd, null, STREAM_OUT, null, size, MOVE);
    if (n <= 0) {
      n = calls.read(fd, spare, Math.min(size, spare.length));
      if (n <= 0) fail("what a command printed was read by another process");
      write(spare.subarray(0, n));
    }
    size -= n;
  }
};

const bun = {
  isOurs,
  begin: drain,
  close: fs.closeSync,
  flowed: wake,
  wrap: take,
  turnMs: () => (sources.size ? TURN_MS : LONG_TURN_MS),
  rest: () => wait(STREAM_IN, POLLIN, WAIT_MS),

  write(fd, bytes, size) {
    for (;;) {
      const n = calls.write(fd, bytes, size);
      if (n > 0 || !hasRoom(fd)) return n;
    }
  },

  spliceIn() {
    let steps = 0;
    while (steps < MAX_STEPS && isOurs() && (body ? spliceBody() : next())) steps++;
    return steps;
  },

  spliceOut(source) {
    const { fd } = source;
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
    acquire();
    write(frontOf(source, size));
    spliceTo(fd, size);
    return there >= ENOUGH;
  },
};
