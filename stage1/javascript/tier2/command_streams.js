/**
 * econtext.command_streams: joins a command's streams to channels in Node.js, and in a Bun without
 * sockets of ours.
 *
 * When much is written in Node.js, the worker writes to the descriptor (econtext.splice). It still
 * belongs to this thread, which closes the stream only after the worker has stopped using it. What
 * a command prints is read here: two threads, one that reads and one that writes, are faster.
 *
 * Second tier: comes with econtext.commands. Twin: stage1/python/tier2/command_pipes.py.
 */
const { hasEnded } = core.tier("commands");
const { Gatherer, discardFrame } = core.tier("gather");
const { onClose } = core.tier("channels");
const { ADMIT, RECEIVED } = core.tier("receivers");

/** Bytes of one stream from which on the worker is to write them. */
const MUCH = 1 << 20;

/**
 * Send what a command prints, no faster than the receiver takes it. When the receiver is closed,
 * the command's pipe has no reader any more.
 */
exports.drain = (stream, sender, printed) => {
  const gatherer = new Gatherer(sender, () => stream.resume());
  const add = (chunk) => {
    if (!gatherer.add(chunk)) stream.pause();
  };
  stream.removeAllListeners("data");
  for (const chunk of printed) add(chunk);
  // It was read to its end.
  if (stream.closed) return gatherer.end();
  stream.on("data", add);
  stream.on("error", () => {});
  stream.on("close", () => gatherer.end());
  onClose(sender, () => stream.destroy());
};

/**
 * The handle of a stream, whose descriptor the worker can use while this thread does not; undefined
 * where the runtime has none, and in Bun.
 */
const handleOf = ({ _handle: handle }) =>
  !process.versions.bun && handle?.fd >= 0 ? handle : undefined;

/** Write what comes to the command's standard input. */
exports.feed = async (child, input) => {
  const stream = child.stdin;
  if (stream.closed) return input.close();
  const gone = new Promise((resolve) => {
    stream.on("error", resolve);
    stream.on("close", resolve);
    child.on("exit", resolve);
  });
  gone.then(() => input.close());
  let size = 0;
  let taken = 0; // values
  let flow; // while the worker may write, too
  try {
    for await (const chunk of input) {
      taken++;
      size += chunk.length;
      const written = () => {
        discardFrame(chunk);
        if (!stream.writableLength && taken === input[RECEIVED]) flow?.wrote();
      };
      const hasRoom = stream.write(chunk, written);
      if (!flow && size >= MUCH) flow = spliceInput(child, stream, input);
      if (!hasRoom)
        await Promise.race([gone, new Promise((resolve) => stream.once("drain", resolve))]);
    }
  } catch {
    // Closed with an error: that is the end of the input, too.
  }
  // Until the worker has stopped using the descriptor, it must not be closed.
  await flow?.end();
  stream.end();
  if (flow && hasEnded(child)) stream.destroy();
};

/** Have the worker write to a command's standard input while all that has come is written. */
const spliceInput = (child, stream, input) => {
  const handle = handleOf(stream);
  const module = handle && core.tier("splice"); // other messages are heard meanwhile
  if (!module || stream.destroyed || hasEnded(child)) return undefined;
  const flow = module.sink(input, input[ADMIT](), handle.fd);
  // Node.js would close the stream when the command ends, while the worker writes to it.
  if (flow) child.stdin = null;
  return flow;
};
