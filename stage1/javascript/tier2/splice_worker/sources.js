// Part of econtext.splice_worker: from a command to the stream.
/** Take the credit for a frame. @returns what stands in it before its `size` bytes */
const frontOf = (source, size) => {
  const head = headOf(size);
  const cost = head.length + size + OVERHEAD;
  source.credit -= cost;
  source.used += cost;
  return Buffer.concat([headerOf(0, me, source.handle, head.length + size), head]);
};

const drop = (number) => {
  fs.closeSync(sources.get(number).fd);
  sources.delete(number);
};

/**
 * Let the main thread read it again. That is told how much credit was used: more may be on its way.
 */
const giveBack = (source) => {
  drop(source.report);
  report(source.report, source.used);
};

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

/** Send what a command has printed. @returns whether there was enough not to wait */
const spliceOut = (source) => {
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
};
