// Part of econtext.splice_worker: from the stream to a command.
let held; // the beginning of a frame: its header is not whole, or the head of its value
let body; // of a frame that goes to a sink: { sink, size, left }
let flows = false; // bytes of such a frame have come
let feed; // of the core: it takes all other frames
let state; // of the core: [the frame that has begun, how many bytes of it are there]

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

/** Write bytes that were read. @returns those that are not the body's */
const put = (bytes) => {
  while (bytes.length && body) {
    const n = writeTo(body.sink.fd, bytes, Math.min(bytes.length, body.left));
    if (n > 0) {
      bytes = bytes.subarray(n);
      moved(n);
    } else giveUp();
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

/** As `feed`, with the frames for sinks taken out. */
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
