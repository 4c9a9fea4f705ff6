// Part of econtext.splice_worker: Node.js has no splice(2). A byte is read and written by this
// thread alone, through memory that is used again. The descriptors belong to the main thread, which
// does not use them meanwhile.
const EAGAIN = -11;
// Turns without a byte, after which the main thread reads: it has to take a MiB to change that.
const MORE_PATIENCE = 4 * PATIENCE;
const FULL = MOST / 2; // bytes: a frame of them is sent, although more may be there
const FRONT = 64; // bytes: more than stands before those of a value

/** @returns the number of bytes; undefined if it has to wait; -1 after another error */
const attempt = (move, ...words) => {
  try {
    return move(...words);
  } catch ({ errno }) {
    return errno === EAGAIN ? undefined : -1;
  }
};

/** Send what was read. */
const flush = (source) => {
  const front = frontOf(source, source.size);
  const begin = FRONT - front.length;
  source.memory.set(front, begin);
  acquire();
  write(source.memory.subarray(begin, FRONT + source.size));
  source.size = 0;
};

const node = {
  begin() {},
  close() {},
  flowed() {},
  rest() {},
  isOurs: () => false,
  spliceIn: () => 0,
  turnMs: () => TURN_MS,
  wrap: accept,

  write(fd, bytes, size) {
    for (const until = performance.now() + ROOM_MS; performance.now() < until; nap()) {
      const n = attempt(fs.writeSync, fd, bytes, 0, size);
      if (n !== undefined) return n;
    }
    return 0;
  },

  spliceOut(source) {
    source.memory ??= Buffer.alloc(FRONT + MOST);
    source.size ??= 0;
    const { fd, memory, size } = source;
    const n = attempt(fs.readSync, fd, memory, FRONT + size, MOST - size);
    const isOver = n === 0 || n === -1;
    if (n > 0) source.size += n;
    source.idle = n > 0 ? 0 : source.idle + 1;
    const isMuch = n >= ENOUGH;
    // Bytes that are fewer wait for one nap.
    const isDue = source.size >= FULL || isOver || (!isMuch && source.hasNapped);
    source.hasNapped = source.size > 0 && !isMuch && !isDue;
    if (source.size && isDue) flush(source);
    if (source.idle > MORE_PATIENCE || isOver) giveBack(source);
    return isMuch;
  },
};
