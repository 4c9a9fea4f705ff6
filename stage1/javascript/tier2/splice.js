/**
 * econtext.splice: has the worker splice what a command reads and prints, in Bun on Linux, when
 * much of it passes. Where that cannot be done, the bytes are read and written as before.
 *
 * Second tier: econtext.command_sockets takes it when much has passed. Its other half, in the
 * worker, is splice_worker.js. Twins: stage1/python/tier2/splice.py, src/io/splice-pipe.ts.
 */
const { fstatSync } = require("fs");
const { duplicate, widen } = core.tier("kernel");
const { GRANT_ALL, RECEIVED } = core.tier("receivers");
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

/** Whether the worker can splice from or to this end of the stream. */
const prepare = (fd) => {
  // Two sockets cannot be spliced. Before the worker has the output lock, it is given no program.
  if (!fstatSync(fd).isFIFO() || core.get(OWNER) !== WORKER) return false;
  if (isReady === undefined) {
    isReady = false;
    const started = core.handle();
    core.handlers.set(started, () => {
      core.handlers.delete(started);
      isReady = true;
    });
    run(`const STARTED=${started};try{${program}}catch{}`);
  }
  if (isReady) widen(fd);
  return isReady;
};

/**
 * Have the bytes of a receiver spliced to a descriptor.
 *
 * @returns { wrote, end }: to be called when all that has come is written, and at the end;
 * undefined if that cannot be done
 */
exports.intake = (receiver, handle, fd) => {
  const own = prepare(STREAM_IN) ? duplicate(fd) : undefined;
  if (own === undefined) return undefined;
  const number = core.handle();
  let base; // values that had come before the worker began to count
  const wrote = () => base !== undefined && ask("idle", handle, receiver[RECEIVED] - base);
  core.handlers.set(number, () => {
    core.handlers.delete(number);
    base = receiver[RECEIVED];
  });
  ask("sink", handle, own, number, receiver[GRANT_ALL]());
  return {
    wrote,
    end() {
      core.handlers.delete(number);
      ask("unsink", handle);
    },
  };
};

/**
 * Have what can be read from a descriptor spliced to a channel, as far as there is credit.
 *
 * @param returned is called when the worker reads it no more: little comes
 * @returns { give, end }: takes all credit there is; and ends it, without calling `returned`;
 * undefined if that cannot be done
 */
exports.outflow = (outlet, fd, returned) => {
  const own = outlet.isNear === false && prepare(STREAM_OUT) ? duplicate(fd) : undefined;
  if (own === undefined) return undefined;
  const number = core.handle();
  let given = 0;
  const takeCredit = () => {
    const { credit } = outlet;
    outlet.credit = 0;
    given += credit;
    return credit;
  };
  core.handlers.set(number, (_, body) => {
    core.handlers.delete(number);
    const [used] = JSON.parse(body);
    outlet.credit += given - used;
    returned();
  });
  ask("source", outlet.handle, own, number, takeCredit());
  return {
    give: () => ask("credit", number, takeCredit()),
    end() {
      core.handlers.delete(number);
      ask("unsource", number);
    },
  };
};
