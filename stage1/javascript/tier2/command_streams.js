/**
 * econtext.command_streams: joins a command's streams to channels in Node.js, and in a Bun without
 * sockets of ours.
 *
 * Second tier: comes with econtext.commands. Twin: stage1/python/tier2/command_pipes.py.
 */
const { Gatherer, discardFrame } = core.tier("gather");
const { onClose } = core.tier("channels");

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

/** Write what comes to the command's standard input. */
exports.feed = async (stream, input) => {
  if (stream.closed) return input.close();
  const gone = new Promise((resolve) => {
    stream.on("error", resolve);
    stream.on("close", resolve);
  });
  gone.then(() => input.close());
  try {
    for await (const chunk of input) {
      if (stream.write(chunk, () => discardFrame(chunk))) continue;
      await Promise.race([gone, new Promise((resolve) => stream.once("drain", resolve))]);
    }
  } catch {
    // Closed with an error: that is the end of the input, too.
  }
  stream.end();
};
