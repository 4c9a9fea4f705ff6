// Part of econtext.splice_worker: what the C library does with descriptors.
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

/** Write what fits, and wait a moment for room. @returns how many bytes; 0 or less: none */
const writeTo = (fd, bytes, size) => {
  for (;;) {
    const n = calls.write(fd, bytes, size);
    if (n > 0 || !hasRoom(fd)) return n;
  }
};
