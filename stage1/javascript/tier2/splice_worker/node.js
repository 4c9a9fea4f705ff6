// Part of econtext.splice_worker: Node.js has no splice(2). A byte for a command is read and
// written by this thread alone. The descriptor belongs to the main thread, which does not use it
// meanwhile.
const EAGAIN = -11;

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
      try {
        return fs.writeSync(fd, bytes, 0, size);
      } catch ({ errno }) {
        if (errno !== EAGAIN) return -1;
      }
    }
    return 0;
  },
};
