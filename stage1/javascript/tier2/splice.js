/**
 * econtext.splice: has the worker move what a command reads and prints, when much of it passes: by
 * splice(2) in Bun on Linux. Where that cannot be done, the bytes are read and written as before.
 *
 * Second tier: econtext.command_sockets takes it when much has passed. Its other half, in the
 * worker, is splice_worker. Twins: stage1/python/tier2/splice.py, src/io/splice-pipe.ts.
 */
const { fstatSync } = require("fs");
const { GRANT_ALL, RECEIVED } = core.tier("receivers");
const { onReady, outletOf } = core.tier("channels");
const { Buffer } = core;
/** A record of the master's: its last field is the text. */
const [, , , , program] = core.fetch("econtext.splice_worker");

const OWNER = 0; // the word of the output lock
const WORKER = 1;
const HEADER = 24;
const RUN = 7;
const [STREAM_IN, STREAM_OUT] = [3, 4];

/** Undefined until the worker was given its program; then whether the program runs. */
let isReady;

/** Have the worker run a text, after all that it was given before. */
const run = (text) => {
  const frame = Buffer.alloc(HEADER + Buffer.byteLength(text));
  [core.me + 0x80000000, 0, 0, RUN, 0, frame.length - HEADER].forEach((word, i) => {
    frame.writeUInt32BE(word, i * 4);
  });
  frame.write(text, HEADER);
  core.post({ buffer: frame }, 0);
};

const ask = (name, ...words) => run(`splicer.${name}(${words})`);

/** @returns a handle whose first message is given to `hear` */
const once = (hear) => {
  const number = core.handle();
  core.handlers[number] = (_, body) => {
    delete core.handlers[number];
    hear(JSON.parse(body));
  };
  return number;
};

/**
 * Prepare the worker to move bytes between this end of the stream and a descriptor.
 *
 * @returns another descriptor for it; undefined if it cannot be done (yet)
 */
const prepare = (end, fd) => {
  // Two sockets cannot be spliced. Before the worker has the output lock, it is given no program.
  if (!fstatSync(end).isFIFO() || core.get(OWNER) !== WORKER) return undefined;
  if (isReady === undefined) {
    isReady = false;
    const started = once(() => {
      isReady = true;
    });
    run(`const STARTED=${started};try{${program}}catch{}`);
  }
  if (!isReady) return undefined;
  const { duplicate, widen } = core.tier("kernel");
  widen(end);
  return duplicate(fd);
};

/**
 * Have the bytes of a receiver go to a descriptor, which is the worker's while all that has come is
 * written.
 *
 * @returns { wrote, end }: to be called when all that has come is written, and at the end;
 * undefined if it cannot be done
 */
exports.sink = (receiver, handle, fd) => {
  const own = prepare(STREAM_IN, fd);
  if (own === undefined) return undefined;
  let base; // values that had come before the worker began to count
  const number = once(() => {
    base = receiver[RECEIVED];
  });
  ask("sink", handle, own, number, receiver[GRANT_ALL]());
  return {
    wrote: () => base !== undefined && ask("idle", handle, receiver[RECEIVED] - base),
    end: () => ask("unsink", handle),
  };
};

/**
 * Have what can be read from a descriptor go to a sender, as far as there is credit. The descriptor
 * is the worker's meanwhile.
 *
 * @param returned is called when the worker reads it no more: little comes, or the sender is closed
 * @returns { end }: ends it without calling `returned`; undefined if it cannot be done
 */
exports.source = (sender, fd, returned) => {
  const outlet = outletOf(sender);
  const own = outlet.isNear === false ? prepare(STREAM_OUT, fd) : undefined;
  if (own === undefined) return undefined;
  let isOver = false;
  let given = 0;
  const takeCredit = () => {
    const { credit } = outlet;
    outlet.credit = 0;
    given += credit;
    return credit;
  };
  const number = once(([used = given]) => {
    outlet.credit += given - used;
    outlet.isLent = false;
    if (outlet.closed) outlet.part();
    if (!isOver) returned();
    isOver = true;
  });
  const end = () => {
    if (!isOver) ask("unsource", number);
    isOver = true;
  };
  const give = () => {
    if (isOver) return;
    if (outlet.closed) return ask("unsource", number);
    ask("credit", number, takeCredit());
    onReady(sender, give);
  };
  outlet.isLent = true;
  ask("source", outlet.handle, own, number, takeCredit());
  onReady(sender, give);
  return { end };
};
