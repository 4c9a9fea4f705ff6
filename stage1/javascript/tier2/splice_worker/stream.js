/**
 * Part of econtext.splice_worker: reads the stream beside the runtime.
 *
 * The runtime goes on to read the stream, in the same thread. The order of the bytes is kept only
 * if the runtime has delivered all that it has read. It delivers in microtasks, and then waits for
 * more: so this program reads in a turn of its own (`setImmediate`), when all microtasks are over.
 */

// The stream. Other processes share the descriptor that blocks.
const { O_NONBLOCK, O_RDONLY } = fs.constants;
const STREAM_IN = fs.openSync("/proc/self/fd/3", O_RDONLY | O_NONBLOCK);
const MAX_STEPS = 64;
const SILENT_MS = 100;
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

/** Move what is there to the sinks. @returns the number of steps that moved bytes */
const spliceIn = () => {
  let steps = 0;
  while (steps < MAX_STEPS && isOurs() && (body ? spliceBody() : next())) steps++;
  return steps;
};
