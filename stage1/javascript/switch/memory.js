/**
 * Memory of large frames, which is used again: to clear new memory takes as long as all the rest
 * that a frame needs here.
 */
const LARGE = 65536;
const MAX_SPARE = 8;
const spare = new Map(); // length: memory of that length that nothing refers to any more

/** @returns memory that the caller fills whole before it is read */
const take = (length) => spare.get(length)?.pop() ?? Buffer.allocUnsafeSlow(length);

/** Give back memory of a frame. */
const giveBack = (bytes) => {
  const { length } = bytes;
  if (length < LARGE || length !== bytes.buffer.byteLength) return;
  const list = spare.get(length) ?? [];
  if (!list.length) {
    // Frames of another length are over.
    spare.clear();
    spare.set(length, list);
  }
  if (list.length < MAX_SPARE) list.push(bytes);
};

// The core reads into such memory the frames that are passed on. No user code runs in this thread.
const { alloc } = Buffer;
Buffer.alloc = (length, ...fill) =>
  length < LARGE || fill.length ? alloc(length, ...fill) : take(length);
