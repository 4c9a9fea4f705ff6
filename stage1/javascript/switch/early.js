/**
 * First program, its end: what comes before the second program is served, or kept for it. The
 * second program gets what both use (common.js, `early`).
 */
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

const hasProgram = (program) =>
  pathsOf(program).some((path) => {
    try {
      return isProgram(path);
    } catch {
      return false;
    }
  });

/** Has a stream keep what comes: else what nothing listens to is lost when the process ends. */
const noop = () => {};

/** Take in bytes of KEEP. Start the program of START. */
const beginEarly = (operation, [first, ...words]) => {
  if (operation === KEEP) kept.set(first, words[0]);
  else if (operation === FORWARD && first === me + SWITCH)
    beginEarly(words[0], decode(Buffer.concat(bytesOf(words[3]))));
  else if (operation === START && !started.has(first)) {
    const [argv, , , options = {}] = words;
    if (options.pty || !hasProgram(argv[0])) return;
    const program = start(argv, options);
    started.set(first, program);
    for (const stream of program.outputs) stream.on("readable", noop);
  }
};

/** Run the second program. It installs what takes the frames from now on. */
const complete = (program) => {
  const installAll = (take) => {
    install(take);
    for (const frame of delayed.splice(0)) take(frame);
  };
  const shared = {
    started,
    programOf,
    start,
    prepared,
    isProgram,
    pathsOf,
    env,
    kept,
    bytesOf,
    decode,
  };
  new Function("core", "" + program)([installAll, ...core.slice(1), shared]);
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
