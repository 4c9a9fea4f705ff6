/**
 * econtext.channels: values that go one way, from each holder of a channel's sender to its one
 * receiver; and generators, which are sent over a channel.
 *
 * Second tier: comes with the first sender, or with a generator. Twins: channels.py,
 * src/channels/channel.ts and outbound.ts (`OutboundChannel`). Spec: docs/protocol.md, "Channels".
 */
const { encodeBounded, decodeValue, GeneratorReference, SenderReference } = core.tier("values");
const {
  DEAD,
  END,
  ENDED,
  ADMIT,
  OVERHEAD,
  PUT,
  Queue,
  Receiver,
  Select,
  WINDOW,
  closedError,
  closing,
  homes,
  reason,
  sendNear,
} = core.tier("receivers");
const { Buffer, Date, setTimeout } = core;

const HEADER = 24;
/** Senders of this address send to this context's own switch: the receiver is behind it. */
const OWN_SWITCH = core.me + 0x80000000;

// -- Turns of the event loop ----------------------------------------------------------------------
const TURN_MS = 10;
/** When the first send of this turn was; 0: there was none. */
let began = 0;

/**
 * A holder that sends on and on would let no message in as long as there is credit, not even that
 * nothing more is wanted: so now and then a send waits for a turn.
 */
const pause = () => {
  const now = Date.now();
  if (!began) {
    began = now;
    setTimeout(() => {
      began = 0;
    }, 0);
  }
  if (now - began >= TURN_MS) return new Promise((resolve) => setTimeout(resolve, 0));
};

// -- Where values of a sender go ------------------------------------------------------------------
/**
 * Sends to a handle of the master's, as far as there is credit. `isNear`: the switch takes it
 * before it gets there.
 */
class OutboundChannel {
  credit = WINDOW;
  /** Our own handle, which credit comes to. */
  credits = core.handle();
  waiting = new Queue();
  told = false;
  /** The worker sends (econtext.splice): until it has stopped, the end is not said. */
  isLent = false;

  /**
   * Tells the master's end at once where credit goes. So it can close the channel even if the
   * holder of this sender never sends.
   */
  constructor(handle, isNear) {
    this.handle = handle;
    this.isNear = isNear;
    core.handlers[this.credits] = (flags, answer) => this.hear(flags, answer);
    this.say(Buffer.from(String(this.credits)));
  }

  say(body, flags) {
    if (this.isNear) sendNear(this.handle, body, flags);
    else core.send(this.handle, body, flags);
  }

  get closed() {
    return this.closing !== undefined;
  }

  get ready() {
    return this.closed || this.credit > 0;
  }

  async send(value) {
    if (this.closed) throw this.error ?? closedError();
    const { chunks, length } = encodeBounded(value, "value");
    const body = chunks.length > 1 ? Buffer.concat(chunks) : chunks[0];
    if (this.credit > 0 && !this.waiting.length) {
      this.put(body, length);
      return pause();
    }
    return new Promise((resolve, reject) => this.waiting.put({ body, length, resolve, reject }));
  }

  put(body, length) {
    this.credit -= length + OVERHEAD;
    this.say(body);
  }

  /**
   * As `put`, of a whole frame, whose header is filled in here. Sends nothing after the channel was
   * closed.
   */
  post(frame) {
    if (this.closed) return;
    const length = frame.length - HEADER;
    this.credit -= length + OVERHEAD;
    if (this.isNear) return sendNear(this.handle, frame.subarray(HEADER));
    [0, core.me, core.me, this.handle, 0, length].forEach((word, i) => {
      frame.writeUInt32BE(word, i * 4);
    });
    core.post({ out: frame }, frame.length);
  }

  hear(flags, body) {
    if (flags & DEAD) {
      this.error = reason(body);
      this.closing ??= closing();
      while (this.waiting.length) this.waiting.take().reject(this.error ?? closedError());
      this.part();
      this.onClose?.();
    } else {
      this.credit += Number(body);
      while (this.credit > 0 && this.waiting.length) {
        const { body, length, resolve } = this.waiting.take();
        this.put(body, length);
        resolve();
      }
      if (this.closed) this.part();
    }
    this.wake();
  }

  /** Wake the senders that wait for room: the channel has room, or either side has ended it. */
  wake() {
    if (!this.ready) return;
    const hook = this.onReady;
    this.onReady = undefined;
    hook?.();
  }

  /** Say once, after all that waits, that nothing more comes. */
  part() {
    if (this.told || this.isLent || this.waiting.length) return;
    this.told = true;
    delete core.handlers[this.credits];
    given.delete(this.handle);
    this.say(this.closing, DEAD);
    this.onTold?.();
  }

  close(error) {
    if (this.closed) return;
    this.closing = closing(error);
    this.part();
    this.wake();
  }

  reference() {
    return new SenderReference(0, this.handle);
  }
}

/** A receiver of this context's own. */
class Home {
  constructor(receiver) {
    this.receiver = receiver;
  }

  get closed() {
    return this.receiver[ENDED];
  }

  get ready() {
    return true;
  }

  async send(value) {
    if (this.closed) throw closedError();
    this.receiver[PUT]({ value });
  }

  post(frame) {
    this.send(decodeValue(Buffer.from(frame.subarray(HEADER)))).catch(() => {});
  }

  close(error) {
    this.receiver[END](error);
  }

  reference() {
    return new SenderReference(core.me, this.receiver[ADMIT]());
  }
}

const outlets = new WeakMap();

class Sender {
  constructor(outlet) {
    outlets.set(this, outlet);
  }

  /** Whether the receiver takes no more. */
  get closed() {
    return outlets.get(this).closed;
  }

  /** Resolves when there is room for more: awaiting it is what slows a fast sender. */
  send(value) {
    return outlets.get(this).send(value);
  }

  /** The receiver ends when it has taken what was sent before; with an error, it throws that. */
  close(error) {
    outlets.get(this).close(error);
  }
}

class Channel {
  receiver = new Receiver();
  sender = new Sender(new Home(this.receiver));

  constructor() {
    Object.defineProperty(this.receiver, "sender", { value: this.sender });
  }
}

// -- What stands for a sender, and for a generator, in a value ------------------------------------
const given = new Map(); // senders to the master's handles, by these
const generators = new Map();

const ended = () => {
  const { sender } = new Channel();
  sender.close();
  return sender;
};

/** What a reference that has come stands for. */
exports.adopt = (reference) => {
  const { id, handle } = reference;
  if (id === core.me) return homes.get(handle) ?? ended();
  const isNear = id === OWN_SWITCH;
  if (id && !isNear) return reference;
  if (!given.has(handle)) given.set(handle, new Sender(new OutboundChannel(handle, isNear)));
  return given.get(handle);
};

/** The sender to a handle of the master. */
exports.toMaster = (handle) => exports.adopt({ id: 0, handle });

/** The reference that a value goes by; undefined if by none. */
exports.refer = (value) => {
  if (value instanceof Sender) return outlets.get(value).reference();
  if (!/^\[object (?:Async)?Generator\]$/.test(Object.prototype.toString.call(value))) return;
  const number = core.handle();
  generators.set(number, value);
  return new GeneratorReference(core.me, number);
};

/**
 * Send what a generator yields. Its error closes the channel; a closed channel, and the end of this
 * call, end it.
 */
exports.pump = async (number, sender) => {
  const generator = generators.get(number);
  generators.delete(number);
  const { signal } = (core.calling.controller = new AbortController());
  signal.addEventListener("abort", () => {
    sender.close();
    // Where it is awaiting, that is all that can be done.
    Promise.resolve(generator.return()).catch(() => {});
  });
  try {
    for await (const value of generator) await sender.send(value);
    sender.close();
  } catch (e) {
    sender.close(e);
  }
};

/** Close a generator that will not be iterated. */
exports.drop = async (number) => {
  const generator = generators.get(number);
  generators.delete(number);
  await generator?.return();
};

/**
 * For econtext.gather and econtext.commands, which do not wait in `send`: whether there is room,
 * and hooks for when there is room again and for when the receiver is closed.
 */
exports.outletOf = (sender) => outlets.get(sender);
exports.isReady = (sender) => outlets.get(sender).ready;
exports.onReady = (sender, hook) => {
  outlets.get(sender).onReady = hook;
};
exports.onClose = (sender, hook) => {
  outlets.get(sender).onClose = hook;
};

/** Resolves when the master's channel has all that was sent to it, and its end. */
exports.whenTold = (sender) =>
  new Promise((resolve) => {
    outlets.get(sender).onTold = resolve;
  });

// For `using`, where the runtime knows it: the first versions of Node.js 18 do not.
if (Symbol.dispose)
  for (const { prototype } of [Sender, Receiver])
    Object.defineProperty(prototype, Symbol.dispose, {
      value() {
        this.close();
      },
    });

// Their own names are lost when they are minified.
for (const [name, value] of Object.entries({ Channel, Receiver, Select, Sender }))
  exports[name] = Object.defineProperty(value, "name", { value: name });
