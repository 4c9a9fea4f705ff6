/** @returns a list of bytes from a list of bytes and keys of kept bytes */
const bytesOf = (parts) =>
  [parts].flat().map((part) => {
    const bytes = typeof part === "string" ? kept.get(part) : part;
    if (!bytes) throw new Error(`no bytes are kept under the key ${part}`);
    return bytes;
  });

/** Make the frames of a message of the master's. */
const messageOf = (dst, handle, reply, flags, body, limit) => {
  const list = [];
  for (let at = 0; at === 0 || at < body.length; at += limit) {
    const part = body.subarray(at, at + limit);
    const head = Buffer.alloc(HEADER);
    [dst, 0, 0, handle, reply].forEach((word, i) => head.writeUInt32BE(word, i * 4));
    head[20] = flags | (CONT * (at > 0)) | (MORE * (at + limit < body.length));
    head.writeUIntBE(part.length, 21, 3);
    list.push(Buffer.concat([head, part]));
  }
  return list;
};

/** Operations by their number. Each is called with the master's handle for its events. */
const OPERATIONS = {
  /** START */
  1(events, id, argv, preamble, nonce, options = {}) {
    try {
      const child = new Child(id, events, argv, bytesOf(preamble), nonce, options);
      children.set(id, child);
      routes.set(id, child);
    } catch (e) {
      tell(events, ["failed", problemOf(e, argv[0])]);
    }
  },
  /** WRITE */
  2(_, id, bytes) {
    children.get(id)?.down.answer(bytes);
  },
  /** CLOSE */
  3(_, id, signal) {
    children.get(id)?.close(signal);
  },
  /** ROUTE */
  4(_, id, child) {
    const next = children.get(child);
    if (next) routes.set(id, next);
  },
  /** UNROUTE */
  5(_, id) {
    routes.delete(id);
  },
  /** KEEP */
  6(_, key, bytes) {
    kept.set(key, bytes);
  },
  /** DROP */
  7(_, key) {
    kept.delete(key);
  },
  /** FORWARD */
  8(_, dst, handle, reply, flags, parts) {
    const body = Buffer.concat(bytesOf(parts));
    if (dst === me) {
      // The main thread takes a frame of any length, so that the message stands alone.
      for (const frame of messageOf(dst, handle, reply, flags, body, 0xffffff)) pass(frame);
    } else if (dst === me + SWITCH) operate(handle, reply, body);
    else {
      const list = messageOf(dst, handle, reply, flags, body, MAX_FRAME);
      routes.get(dst % SWITCH)?.down.addMessage(dst, list);
    }
  },
  /** RESTART */
  10(events, old, id, preamble, nonce) {
    const child = children.get(old);
    if (!child) return;
    children.delete(old);
    routes.delete(old);
    children.set(id, child);
    routes.set(id, child);
    child.restart(id, events, bytesOf(preamble), nonce);
  },
};

/** @returns the value of a body: plain JSON, or with parts that are bytes */
const decode = (body) => {
  if (body[0]) return JSON.parse(body);
  const end = 5 + body.readUInt32BE(1);
  return JSON.parse(body.toString("utf8", 5, end), (_, value) => {
    const [at, length] = value?.["!b"] ?? [];
    return at === undefined ? value : body.subarray(end + at, end + at + length);
  });
};

const operate = (handle, reply, body) => OPERATIONS[handle]?.(reply, ...decode(body));

let operation = []; // bodies so far of an operation that comes in several frames

install((frame) => {
  const dst = frame.readUInt32BE(0);
  if (dst !== me + SWITCH) return routes.get(dst % SWITCH)?.down.add(frame);
  operation.push(frame.subarray(HEADER));
  if (frame[20] & MORE) return;
  const body = operation.length > 1 ? Buffer.concat(operation) : operation[0];
  operation = [];
  operate(frame.readUInt32BE(12), frame.readUInt32BE(16), body);
});
