const kept = new Map(); // key: bytes that the master has sent once
const started = new Map(); // id: the program of a START that came before the second program
const delayed = []; // frames that came before it

/** @returns a list of bytes from a list of bytes and keys of kept bytes */
const bytesOf = (parts) =>
  [parts].flat().map((part) => {
    const bytes = typeof part === "string" ? kept.get(part) : part;
    if (!bytes) throw new Error(`no bytes are kept under the key ${part}`);
    return bytes;
  });

/** @returns the value of a body: JSON text, in front of bytes that are parts of it or alone */
const decode = (body) => {
  const hasParts = body[0] === 0;
  const end = hasParts ? 5 + body.readUInt32BE(1) : body.length;
  return JSON.parse(body.toString("utf8", hasParts ? 5 : 0, end), (_, value) => {
    const [at, length] = value?.["!b"] ?? [];
    return at === undefined ? value : body.subarray(end + at, end + at + length);
  });
};

/** Take in bytes of KEEP. Start the program of START. */
const beginEarly = (operation, [first, ...words]) => {
  if (operation === KEEP) kept.set(first, words[0]);
  else if (operation === FORWARD && first === me + SWITCH)
    beginEarly(words[0], decode(Buffer.concat(bytesOf(words[3]))));
  else if (operation === START && !started.has(first)) {
    const program = start(words[0], words[3] ?? {});
    started.set(first, program);
    for (const stream of program.outputs) holdBack(stream);
  }
};

/** Run the second program. It installs what takes the frames from now on. */
const complete = (program) => {
  const installAll = (take) => {
    install(take);
    for (const frame of delayed.splice(0)) take(frame);
  };
  const shared = { start, started, problemOf, conceal, kept, bytesOf, decode };
  const parts = [installAll, load, me, acquire, frames, pass, write, shared];
  new Function("core", "" + program)(parts);
};

install((frame) => {
  const isOrder = frame.readUInt32BE(0) === me + SWITCH && !frame.readUInt32BE(8);
  const handle = frame.readUInt32BE(12);
  const body = frame.subarray(HEADER);
  if (isOrder && handle === BOOT) return complete(body);
  try {
    if (isOrder && !(frame[20] & (MORE | CONT))) beginEarly(handle, decode(body));
  } catch {
    // The second program will do it again, and say why it cannot be done.
  }
  delayed.push(frame);
});
