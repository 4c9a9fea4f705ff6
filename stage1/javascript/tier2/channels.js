/**
 * econtext.channels: values that go one way, from who has a channel's sender to its one receiver; and generators, which are sent over one.
 *
 * Second tier: comes with the first sender, or with a generator. Twins: channels.py; src/channels/outbound.ts (Remote), src/channels/inbound.ts and src/channels/channel.ts (Receiver),
 * src/channels/window.ts (the arithmetic of both). Spec: docs/protocol.md, "Channels".
 */
const {
  encodeBounded,
  decodeValue,
  ChannelError,
  GeneratorReference,
  RemoteError,
  SenderReference,
  TimeoutError,
} = core.tier("values");
const { describe } = core.tier("failures");

const DEAD = 4;
const HEADER = 24;
const WINDOW = 262144;
const MAX_WINDOW = 4194304;
const OVERHEAD = 24; // of a value, so that many small ones are no less than a large one
const closedError = (why = "the channel is closed") => new ChannelError("ERR_CHANNEL_CLOSED", why);

const lateError = (ms) => new TimeoutError("ERR_DEADLINE_RECEIVE", `nothing came within ${ms} ms`);

/** What closes a channel, as it is sent: null where nothing is wrong. */
const closing = (error) =>
  Buffer.from(JSON.stringify(error === undefined ? null : describe(error)));

/** What that says: an error, or undefined. */
const reason = (body) => {
  const said = JSON.parse(body);
  if (typeof said === "string") return closedError(said);
  return said === null ? undefined : new RemoteError(...said);
};

/** First in, first out. An array's own `shift` moves all the rest, which Node.js does slowly. */
class Queue {
  #in = [];
  #out = [];

  get length() {
    return this.#in.length + this.#out.length;
  }

  put(one) {
    this.#in.push(one);
  }

  take() {
    if (!this.#out.length) [this.#in, this.#out] = [[], this.#in.reverse()];
    return this.#out.pop();
  }
}

// -- Where values of a sender go -----------------------------------------------------------------------
/** A handle of the master's, as far as there is credit. */
class Remote {
  credit = WINDOW;
  /** Our own handle, which credit comes to. */
  credits = core.handle();
  waiting = new Queue();
  told = false;

  /** Says at once where it can be told that nobody receives any more: whoever is given a sender may never use it. */
  constructor(handle) {
    this.handle = handle;
    core.handlers.set(this.credits, (flags, answer) => this.hear(flags, answer));
    core.send(handle, Buffer.from(String(this.credits)));
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
    if (this.credit > 0 && !this.waiting.length) return this.put(body, length);
    return new Promise((resolve, reject) => this.waiting.put({ body, length, resolve, reject }));
  }

  put(body, length) {
    this.credit -= length + OVERHEAD;
    core.send(this.handle, body);
  }

  /** As `put`, of a whole frame: its header is to be filled in. Whoever receives nothing any more, is sent nothing. */
  post(frame) {
    if (this.closed) return;
    const length = frame.length - HEADER;
    this.credit -= length + OVERHEAD;
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

  /** Say once, behind all that waits, that nothing more comes. */
  part() {
    if (this.told || this.waiting.length) return;
    this.told = true;
    core.handlers.delete(this.credits);
    given.delete(this.handle);
    core.send(this.handle, this.closing, DEAD);
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

// -- Receivers -----------------------------------------------------------------------------------------
const ENDED = Symbol("ended");
const PUT = Symbol("put");
const END = Symbol("end");
const ADMIT = Symbol("admit");
const TAKE = Symbol("take");
const READY = Symbol("ready");
const HOOKS = Symbol("hooks");

class Receiver {
  #queue = new Queue();
  #failure;
  #handle = 0;
  #credits = 0;
  #window = WINDOW;
  #granted = WINDOW;
  #taken = 0;
  #farewell;
  [ENDED] = false;
  [HOOKS] = new Set();

  get closed() {
    return this[ENDED] && !this[READY];
  }

  /** The next value. Throws when there is none to come, or none before the deadline: milliseconds from now. */
  async receive({ deadline } = {}) {
    const until = deadline === undefined ? Infinity : performance.now() + deadline;
    while (!this[READY]) {
      if (this[ENDED]) throw closedError();
      const left = until - performance.now();
      if (left <= 0) throw lateError(deadline);
      await change([this], left);
    }
    return this[TAKE]();
  }

  /** Ends when the channel is closed; leaving it early closes the channel. */
  async *[Symbol.asyncIterator]() {
    try {
      for (;;) {
        while (this[READY]) yield this[TAKE]();
        if (this[ENDED]) return;
        await change([this]);
      }
    } finally {
      this.close();
    }
  }

  /** What waits is dropped; the sender hears that nobody receives any more. */
  close(error) {
    this.#queue = new Queue();
    this.#failure = undefined;
    this.#stop(error);
  }

  /** Whether there is something to take or to throw. */
  get [READY]() {
    return this.#queue.length > 0 || this.#failure !== undefined;
  }

  [PUT](parcel) {
    if (this[ENDED]) return;
    this.#queue.put(parcel);
    this.#wake();
  }

  /** No more is to come. */
  [END](error) {
    if (this[ENDED]) return;
    if (error !== undefined) this.#failure = { error };
    this.#stop();
  }

  [TAKE]() {
    if (!this.#queue.length) {
      const { error } = this.#failure;
      this.#failure = undefined;
      throw error;
    }
    const { value, body } = this.#queue.take();
    if (body === undefined) return value;
    this.#taken += body.length + OVERHEAD;
    this.#grant();
    return decodeValue(body);
  }

  /** Let the master send to it. @returns the handle */
  [ADMIT]() {
    if (!this.#handle) {
      this.#handle = core.handle();
      homes.set(this.#handle, this.sender);
      core.handlers.set(this.#handle, (flags, body) => this.#hear(flags, body));
    }
    return this.#handle;
  }

  #hear(flags, body) {
    if (flags & DEAD) {
      core.handlers.delete(this.#handle);
      homes.delete(this.#handle);
      this[END](reason(body));
      this.#handle = this.#credits = 0;
    } else if (this.#credits) this[PUT]({ body });
    else {
      this.#credits = Number(body);
      if (this.#farewell) core.send(this.#credits, this.#farewell, DEAD);
    }
  }

  #grant() {
    if ((this.#granted - this.#taken) * 2 > this.#window || this[ENDED]) return;
    // We keep up: let no link be so long that it is the window which slows it.
    if (!this.#queue.length) this.#window = Math.min(this.#window * 2, MAX_WINDOW);
    const credit = this.#taken + this.#window - this.#granted;
    this.#granted += credit;
    core.send(this.#credits, Buffer.from(String(credit)));
  }

  #stop(error) {
    if (!this[ENDED]) {
      this[ENDED] = true;
      this.#farewell = closing(error);
      if (this.#credits) core.send(this.#credits, this.#farewell, DEAD);
    }
    this.#wake();
  }

  #wake() {
    const hooks = [...this[HOOKS]];
    this[HOOKS].clear();
    for (const hook of hooks) hook();
  }
}

const MAX_TIMER = 0x7fffffff;

/** Resolves when one of them has something or is closed, or `ms` have passed. */
const change = (receivers, ms = Infinity) =>
  new Promise((resolve) => {
    const hook = () => {
      clearTimeout(timer);
      for (const receiver of receivers) receiver[HOOKS].delete(hook);
      resolve();
    };
    const timer = ms > MAX_TIMER ? undefined : setTimeout(hook, ms);
    for (const receiver of receivers) receiver[HOOKS].add(hook);
  });

class Channel {
  receiver = new Receiver();
  sender = new Sender(new Home(this.receiver));

  constructor() {
    Object.defineProperty(this.receiver, "sender", { value: this.sender });
  }
}

/** Values of several receivers in one loop, as [receiver, value]; none twice while another waits. */
class Select {
  #receivers;

  constructor(...receivers) {
    this.#receivers = receivers;
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      const at = this.#receivers.findIndex((receiver) => receiver[READY]);
      const open = this.#receivers.filter((receiver) => !receiver.closed);
      if (at >= 0) {
        const [receiver] = this.#receivers.splice(at, 1);
        this.#receivers.push(receiver);
        yield [receiver, receiver[TAKE]()];
      } else if (!open.length) return;
      else await change(open);
    }
  }
}

// -- What stands for a sender, and for a generator, in a value ---------------------------------------
const given = new Map(); // senders to the master's handles, by these
const homes = new Map(); // senders to our own
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
  if (id) return reference;
  if (!given.has(handle)) given.set(handle, new Sender(new Remote(handle)));
  return given.get(handle);
};

/** The reference that a value goes by; undefined if by none. */
exports.refer = (value) => {
  if (value instanceof Sender) return outlets.get(value).reference();
  if (!/^\[object (?:Async)?Generator\]$/.test(Object.prototype.toString.call(value))) return;
  const number = core.handle();
  generators.set(number, value);
  return new GeneratorReference(core.me, number);
};

/** Send what a generator yields. Its error closes the channel; a closed channel, and the end of this call, end it. */
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

/** Close a generator that nobody is going to iterate. */
exports.drop = async (number) => {
  const generator = generators.get(number);
  generators.delete(number);
  await generator?.return();
};

/** For who must know without waiting: whether `send` has room, `hook` when it has again, and when nobody receives any more. */
exports.outletOf = (sender) => outlets.get(sender);
exports.isReady = (sender) => outlets.get(sender).ready;
exports.onReady = (sender, hook) => {
  outlets.get(sender).onReady = hook;
};
exports.onClose = (sender, hook) => {
  outlets.get(sender).onClose = hook;
};

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
