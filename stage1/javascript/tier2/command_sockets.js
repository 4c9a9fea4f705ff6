/**
 * econtext.command_sockets: the streams of a command in Bun on Linux, over sockets of ours. What it
 * prints is in a flood read without the event loop, to where it is sent from. And such a command
 * needs no node:child_process, which takes ten milliseconds to load.
 *
 * Second tier: comes with econtext.commands. Twin: src/io/socket.ts.
 */
const { closeSync, fstatSync, writeSync } = require("fs");
const { busyPoller, duplicate, makeSockets, readNow, waitFor, widenSocket } = core.tier("kernel");
const { Buffer } = core;

const PRINTED = ["stdout", "stderr"];

/** Bytes of one command from which on the worker is to splice. */
const MUCH = 1 << 20;
/** The module that has the worker splice from or to an end of the stream, if that can be done. */
const splicing = (fd) => (fstatSync(fd).isFIFO() ? core.tier("splice") : undefined);

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
  #sender;
  #read = 0; // bytes, since it was last tried to have them spliced
  /** Present while the worker splices. */
  #flow;

  /**
   * `fd` becomes the socket's; `own`, another of the same, is what a flood is read from. `printed`
   * was read before. `ended` is called once.
   */
  constructor(fd, own, sender, printed, ended) {
    const { Gatherer } = core.tier("gather");
    this.fd = own;
    this.#sender = sender;
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
    // What waits for room does not stop the socket before it is open: little was printed.
    for (const chunk of printed) this.#gatherer.add(chunk);
    Bun.connect({ fd, socket }).catch(close);
    core.tier("channels").onClose(sender, () => this.#end());
  }

  #take(chunk) {
    const hasRoom = this.#gatherer.add(chunk);
    if (hasRoom && !this.#gatherer.isMuch) return;
    this.#socket.pause();
    if (hasRoom) this.#dive();
  }

  #resume() {
    if (this.isBusy || this.#isOver || this.#flow) return;
    if (this.#socket) this.#socket.resume();
    else this.#dive();
  }

  #dive() {
    this.isBusy = true;
    busyPoller.add(this);
  }

  /** Have the worker splice. @returns whether it does */
  #splice() {
    if (this.#read < MUCH) return false;
    this.#read = 0;
    const module = splicing(4); // may wait for the module: other messages are heard meanwhile
    const sender = this.#sender;
    if (!module || this.#isOver || sender.closed || !this.#gatherer.flush()) return false;
    this.#flow = module.source(sender, this.fd, () => {
      this.#flow = undefined;
      this.#resume();
    });
    if (!this.#flow) return false;
    this.isBusy = false;
    return true;
  }

  read() {
    // While its module was fetched, the receiver may have been closed, and the socket with it.
    if (this.#splice() || this.#isOver) return undefined;
    const size = this.#gatherer.fill((into) => readNow(this.fd, into));
    // What comes within a moment goes together.
    if (!size && this.#isIdle) this.#gatherer.flush();
    this.#isIdle = size === undefined;
    this.#read += size ?? 0;
    if (size === 0) this.#end();
    return size;
  }

  idle() {
    this.isBusy = false;
    // Else when there is room.
    if (!this.#isOver && !this.#flow && this.#gatherer.flush()) this.#resume();
  }

  #end() {
    if (this.#isOver) return;
    this.#isOver = true;
    this.isBusy = false;
    busyPoller.delete(this);
    this.#flow?.end();
    this.#gatherer.end();
    this.#socket?.terminate();
    closeSync(this.fd);
    this.#ended();
  }
}

/**
 * Make sockets for the streams of a command. The parts that serve a command for long are loaded
 * only when they are used.
 *
 * @returns undefined where such sockets are not to be had
 */
exports.make = ({ stdin, head, stdout, stderr }) => {
  const wanted = [stdin || head, stdout, stderr];
  const pairs = wanted.map((isWanted) => (isWanted ? makeSockets() : []));
  const close = (fds) => {
    for (const fd of fds) if (fd !== undefined) closeSync(fd);
  };
  if (pairs.includes(undefined)) {
    close(pairs.flatMap((pair) => pair ?? []));
    return undefined;
  }
  const [input, ...outputs] = pairs.map(([near]) => near);
  // A flood is read from another descriptor than the one that becomes a socket of the runtime.
  const owns = outputs.map((fd) => fd && duplicate(fd));
  const ours = [input, ...outputs, ...owns];
  if (outputs.some((fd, at) => fd && owns[at] === undefined)) {
    close([...pairs.map(([, far]) => far), ...ours]);
    return undefined;
  }
  const ends = {
    /** What the command gets, to be closed when it has that. */
    stdio: pairs.map(([, far], at) => far ?? (at || "ignore")),
    /** What the socket of its input has no room for. */
    rest: head,
    /** The command is over. */
    drop: () => close(ours.splice(0)),
    /** Read what it prints. @returns whether its output has ended in time */
    read: (printed, most, ms) => readEarly(outputs, printed, most, ms, write),
    /** Have the rest, and what comes, written to its standard input. */
    feed: (from) => pour(input, ends.rest, from).catch(() => from.close()),
    /** Have what it prints sent, after what was printed. @returns when all was handed over */
    drain: (senders, printed) => {
      widenSocket(4); // the stream: what the worker writes to
      return PRINTED.map(
        (name, at) =>
          outputs[at] &&
          new Promise((resolve) => {
            new Output(outputs[at], owns[at], senders[name], printed[name], resolve);
          }),
      );
    },
  };
  for (const [, far] of pairs) if (far !== undefined) widenSocket(far);
  const write = () => {
    if (!ends.rest) return;
    ends.rest = writeNow(input, ends.rest);
    // All of its input is there.
    if (!ends.rest && !stdin) close(ours.splice(0, 1, undefined));
  };
  if (head) widenSocket(input);
  write();
  return ends;
};

/** Write what the socket takes at once. @returns the rest, or undefined */
const writeNow = (fd, bytes) => {
  try {
    const size = writeSync(fd, bytes);
    return size < bytes.length ? bytes.subarray(size) : undefined;
  } catch {
    return bytes;
  }
};

/** @param write writes what is left of the input */
const readEarly = (outputs, printed, most, ms, write) => {
  const until = performance.now() + ms;
  const chunk = Buffer.alloc(most);
  const open = new Map(PRINTED.map((name, at) => [outputs[at], name]));
  open.delete(undefined);
  let size = 0;
  while (open.size && size <= most && performance.now() < until) {
    write();
    if (!waitFor([...open.keys()], 1)) continue;
    for (const [fd, name] of open) {
      const got = readNow(fd, chunk);
      if (got === 0) open.delete(fd);
      if (!got) continue;
      printed[name].push(Buffer.from(chunk.subarray(0, got)));
      size += got;
    }
  }
  return !open.size;
};

const pour = async (fd, rest, input) => {
  const { discardFrame } = core.tier("gather");
  const { ADMIT, RECEIVED } = core.tier("receivers");
  let isGone = false;
  let wake;
  const gone = () => {
    isGone = true;
    input.close();
    wake?.();
  };
  const drain = () => wake?.();
  const socket = await Bun.connect({ fd, socket: { data() {}, drain, close: gone, error: gone } });
  const write = async (chunk) => {
    for (let at = 0; !isGone; ) {
      at += Math.max(0, socket.write(chunk.subarray(at)));
      if (at === chunk.length || isGone) break;
      await new Promise((resolve) => {
        wake = resolve;
      });
    }
    discardFrame(chunk);
  };
  let values = 0;
  let size = 0;
  let flow;
  try {
    if (rest) await write(rest);
    for await (const chunk of input) {
      values++;
      size += chunk.length;
      await write(chunk);
      const module = size < MUCH || flow ? undefined : splicing(3);
      if (module && !isGone) flow = module.sink(input, input[ADMIT](), fd);
      if (values === input[RECEIVED]) flow?.wrote();
    }
  } catch {
    // Closed with an error: that is the end of the input, too.
  }
  flow?.end();
  socket.end();
};
