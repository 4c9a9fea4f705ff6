/**
 * econtext.file_pieces: reads large files to where their bytes are sent from, in memory that is
 * used again.
 *
 * Second tier: comes with econtext.files. Twin: none.
 */
const { readSync } = require("fs");
const { Gatherer } = core.tier("gather");

/**
 * @returns what sends a file from `begin` to its end, as `Pieces` of src/files/reader.ts, and gives
 * no piece: the reader has nothing to send. This thread waits for the disk; the other one answers
 * the master.
 */
exports.piecesTo = (sender) =>
  async function* (fd, begin, signal) {
    let hasRoom;
    const gatherer = new Gatherer(sender, () => hasRoom?.());
    const room = () =>
      new Promise((resolve) => {
        hasRoom = resolve;
      });
    const fill = (at) => gatherer.fill((into) => readSync(fd, into, 0, into.length, at));
    for (let at = begin; ; ) {
      signal.throwIfAborted();
      if (sender.closed) throw new Error("the writer takes no more");
      const size = fill(at);
      if (size === undefined) await room();
      else if (size === 0) break;
      else at += size;
    }
    if (!gatherer.flush()) await room();
  };
