/**
 * This hop itself as an end of relays. What its own functions send comes from the main thread, and
 * what they receive goes there. (../tier2/channels.js, `sendNear`)
 */
const own = {
  relay(_, list, onWritten) {
    for (const frame of list) pass(frame);
    onWritten();
  },
  relayFirst(list) {
    for (const frame of list) pass(frame);
  },
};

let line; // from the main thread

/** This context is going to be an end of a relay. */
const joinOwn = () => {
  if (line) return;
  routes.set(me, own);
  line = new (load("worker_threads").BroadcastChannel)("econtext.switch");
  line.onmessage = ({ data: [handle, flags, bytes] }) => {
    const body = Buffer.from(bytes.buffer);
    // Without a relay it is for the master, as if it had come with this context's other messages.
    if (!hearMessage(me, handle, flags, body)) passOn(Buffer.concat(frames(handle, body, flags)));
  };
};

/** Take a whole message of a context for a relay. @returns whether there is that relay */
const hearMessage = (context, handle, flags, body) => {
  const lane = relayed.get(context)?.get(handle);
  lane?.hear(context, flags & DEAD, body);
  return lane !== undefined;
};
