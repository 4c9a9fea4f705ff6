/**
 * econtext.command_sockets: the streams of a command in Bun on Linux, over sockets of ours. What it
 * prints is in a flood read without the event loop, to where it is sent from. And such a command
 * needs no node:child_process, which takes ten milliseconds to load.
 *
 * Second tier: comes with econtext.commands. Twin: src/io/socket.ts.
 */
const { closeSync } = require("fs");
const { busyPoller, duplicate, makeSockets, readNow, widenSocket } = core.tier("kernel");
const { Gatherer, discardFrame } = core.tier("gather");
const { onClose } = core.tier("channels");

widenSocket(4); // the stream: what the worker writes to

/**
 * One output of a command, on its way to a sender. In a flood it is a source of
 * src/io/busy-poll.ts.
 */
class Output {
  isBusy = false;
  #gatherer;
  #ended;
  /** Undefined before it is open, and after it is closed. */
  #socket;
  #isOver = false;
  /** Nothing came, the last time. */
  #isIdle = false;

  /**
   * `fd` becomes the socket's; `own`, another of the same, is what a flood is read from. `ended` is
   * called once.
   */
  constructor(fd, own, sender, ended) {
    this.fd = own;
    this.#ended = ended;
    this.#gatherer = new Gatherer(sender, () => this.#resume());
    // Maybe before all was read: a socket that is not being read does not wait for that.
    const close = () => {
      this.#socket = undefined;
      this.#resume();
    };
    const socket = {
      open: (socket) => {
        this.#socket = socket;
        if (this.#isOver) socket.terminate();
      },
      data: (_, chunk) => this.#take(chunk),
      drain() {},
      close,
      error: (socket) => socket.terminate(),
    };
    Bun.connect({ fd, socket }).catch(close);
    onClose(sender, () => this.#end());
  }

  #take(chunk) {
    const hasRoom = this.#gatherer.add(chunk);
    if (hasRoom && !this.#gatherer.isMuch) return;
    this.#socket.pause();
    if (hasRoom) this.#dive();
  }

  #resume() {
    if (this.isBusy || this.#isOver) return;
    if (this.#socket) this.#socket.resume();
    else this.#dive();
  }

  #dive() {
    this.isBusy = true;
    busyPoller.add(this);
  }

  read() {
    const size = this.#gatherer.fill((into) => readNow(this.fd, into));
    // What comes within a moment goes together.
    if (!size && this.#isIdle) this.#gatherer.flush();
    this.#isIdle = size === undefined;
    if (size === 0) this.#end();
    return size;
  }

  idle() {
    this.isBusy = false;
    // Else when there is room.
    if (!this.#isOver && this.#gatherer.flush()) this.#resume();
  }

  #end() {
    if (this.#isOver) return;
    this.#isOver = true;
    this.isBusy = false;
    busyPoller.delete(this);
    this.#gatherer.end();
    this.#socket?.terminate();
    closeSync(this.fd);
    this.#ended();
  }
}

/**
 * Have what a command prints sent. @returns { fd, ended }: what it prints to, to be closed when it
 * has that; and when all of it was handed over; undefined where such sockets are not to be had
 */
exports.drain = (sender) => {
  const [ours, fd] = makeSockets() ?? [];
  if (fd === undefined) return undefined;
  const own = duplicate(ours);
  if (own === undefined) {
    for (const end of [ours, fd]) closeSync(end);
    return undefined;
  }
  widenSocket(fd);
  return { fd, ended: new Promise((resolve) => new Output(ours, own, sender, resolve)) };
};

/**
 * Have what comes to a command written to its standard input. @returns the descriptor that the
 * command reads, to be closed when it has that; undefined where such sockets are not to be had
 */
exports.feed = (input) => {
  const [ours, fd] = makeSockets() ?? [];
  if (fd !== undefined) pour(ours, input).catch(() => input.close());
  return fd;
};

const pour = async (fd, input) => {
  let isGone = false;
  let wake;
  const gone = () => {
    isGone = true;
    input.close();
    wake?.();
  };
  const drain = () => wake?.();
  const socket = await Bun.connect({ fd, socket: { data() {}, drain, close: gone, error: gone } });
  try {
    for await (const chunk of input) {
      for (let at = 0; !isGone; ) {
        at += Math.max(0, socket.write(chunk.subarray(at)));
        if (at === chunk.length || isGone) break;
        await new Promise((resolve) => {
          wake = resolve;
        });
      }
      discardFrame(chunk);
    }
  } catch {
    // Closed with an error: that is the end of the input, too.
  }
  socket.end();
};
