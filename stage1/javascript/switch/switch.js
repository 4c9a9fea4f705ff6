/** Second program, its end: the operations that the master orders, and where a frame goes. */
/** @returns the relay by which a context sends to that handle */
const relayBy = (handle, from) => [...relays].find((relay) => relay.is(handle, from));

/** End the relays of a context that is gone. */
const sever = (id) => {
  for (const relay of relays) if (relay.joins(id)) relay.sever(id);
  relayed.delete(id);
};

/** What the master orders. Each is called with the handle for its events. */
const OPERATIONS = {
  [START](events, id, argv, preamble, nonce, options = {}) {
    if (routes.has(id)) throw new Error(`context ${id} is there already`);
    const child = new Child(id, events, argv, bytesOf(preamble), nonce, options);
    children.set(id, child);
    routes.set(id, child);
  },
  [WRITE](_, id, bytes) {
    children.get(id)?.answer(bytes);
  },
  [CLOSE](_, id, signal) {
    children.get(id)?.close(signal);
  },
  [ROUTE](_, id, child) {
    routes.set(id, children.get(child));
  },
  [UNROUTE](_, id) {
    routes.delete(id);
    sever(id);
  },
  [KEEP](_, key, bytes) {
    kept.set(key, bytes);
  },
  [FORWARD](_, dst, handle, reply, flags, parts) {
    const body = Buffer.concat(bytesOf(parts));
    if (dst === me + SWITCH) return operate(handle, reply, body);
    // The main thread takes a frame of any length, so that the message stands alone.
    const list = messageOf(dst, handle, reply, flags, body, limitOf(dst));
    if (dst === me) for (const frame of list) pass(frame);
    else routes.get(dst % SWITCH)?.addMessage(dst, list);
  },
  [RELAY](notices, handle, from, receiver, to, credits) {
    if (from === me || to === me) joinOwn();
    const relay = new Relay(notices, handle, from, receiver, to, credits);
    for (const id of [from, to]) if (!routes.has(id)) return relay.sever(id);
    if (to === me) own.relayFirst(messageOf(me, receiver, 0, ERROR, Buffer.alloc(0)));
  },
  [HEARD](_, context, handle, flags, body) {
    hearMessage(context, handle, flags, body);
  },
  [RELAYED](_, handle, from, body) {
    relayBy(handle, from)?.translated(body);
  },
  [INJECT](_, handle, from, body) {
    relayBy(handle, from)?.inject(body);
  },
  [UNRELAY](_, handle, from, closing) {
    relayBy(handle, from)?.end(closing);
  },
  [RESTART](events, old, id, preamble, nonce) {
    const child = children.get(old);
    if (!child) throw new Error(`there is no context ${old}`);
    const list = bytesOf(preamble);
    children.delete(old);
    routes.delete(old);
    sever(old);
    children.set(id, child);
    routes.set(id, child);
    child.restart(id, events, list, nonce);
  },
};

/** What the third program uses of this one. */
const secondProgram = { OPERATIONS, Reporter, children, routes, tell, forget, rest, giveBack };

/** Do what the master orders. An order that cannot be carried out has no other effect. */
const operate = (operation, events, body) => {
  let words = [];
  try {
    if (operation === RUN) return new Function("core", "" + body)(core);
    // Not an order, but the third program: like the second one, it comes on this handle.
    if (operation === BOOT) return new Function("core", "" + body)([...core, secondProgram]);
    words = decode(body);
    OPERATIONS[operation](events, ...words);
  } catch (e) {
    if (operation === START) tell(events, ["failed", problemOf(e, words[1]?.[0])]);
    else if (operation === RESTART || operation === CONNECT) tell(events, ["failed", e.message]);
    else {
      const text = `switch: operation ${operation}: ${e.message}`;
      tell(FORWARD_LOG, [40, "econtext", text, Date.now() / 1000]);
    }
  }
};

let operation = []; // bodies so far of an operation that comes in several frames

install((frame) => {
  const [dst, , auth, handle, reply] = [0, 4, 8, 12, 16].map((at) => frame.readUInt32BE(at));
  if (dst !== me + SWITCH) return routes.get(dst % SWITCH)?.add(frame);
  if (auth) return;
  let body = frame.subarray(HEADER);
  // An order in one frame may come between the frames of another.
  if (frame[20] & (MORE | CONT)) {
    operation.push(body);
    if (frame[20] & MORE) return;
    body = Buffer.concat(operation);
    operation = [];
  }
  operate(handle, reply, body);
});
