/**
 * econtext.receivers: the receiving side of channels, and what both sides use.
 *
 * Second tier, of channels.js. Twins: src/channels/channel.ts, inbox.ts, inbound.ts and select.ts;
 * src/channels/window.ts has the arithmetic. Spec: docs/protocol.md, "Channels".
 */
const { decodeValue, ChannelError, RemoteError, TimeoutError } = core.tier("values");
const { describe } = core.tier("failures");
const { Buffer, clearTimeout, setTimeout } = core;

const DEAD = 4;
const ERROR = 8;
const WINDOW = 262144; // bytes that a sender may send before it hears of credit
const MAX_WINDOW = 4194304;
const OVERHEAD = 24; // bytes that count for each value, so that many small ones are not free

let line; // to this context's own switch, which runs in the worker (../switch/own.js)

/** As `core.send`, to the own switch: it takes what is for a context behind it. */
const sendNear = (handle, body, flags = 0) => {
  line ??= new (require("worker_threads").BroadcastChannel)("econtext.switch");
  // A copy: a short buffer shares its memory with others, and all of that memory would be sent.
  line.postMessage([handle, flags, new Uint8Array(body)]);
};

const homes = new Map(); // handle of this context: the sender to its receiver

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

const ENDED = Symbol("ended");
const PUT = Symbol("put");
const END = Symbol("end");
const ADMIT = Symbol("admit");
const TAKE = Symbol("take");
const READY = Symbol("ready");
const HOOKS = Symbol("hooks");
const RECEIVED = Symbol("received");
const GRANT_ALL = Symbol("grantAll");
const WIDEN = Symbol("widen");

class Receiver {
  #queue = new Queue();
  #failure;
  #handle = 0;
  #credits = 0;
  #window = WINDOW;
  #granted = WINDOW;
  #taken = 0;
  #farewell;
  #isNear = false; // the sender is behind this context
  /** The number of values that have come. */
  [RECEIVED] = 0;
  [ENDED] = false;
  [HOOKS] = new Set();

  get closed() {
    return this[ENDED] && !this[READY];
  }

  /**
   * The next value. Throws when there is none to come, or none before the deadline: milliseconds
   * from now.
   */
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

  /**
   * Let senders have the largest window at once: this reader keeps up. `credit` bytes of it were
   * granted before the first value: the sender knows.
   */
  [WIDEN](credit = 0) {
    this.#window = MAX_WINDOW;
    this.#granted += credit;
  }

  /**
   * Grant the largest window. @returns the handle that credit goes to: values that are taken before
   * they come here are granted there
   */
  [GRANT_ALL]() {
    this[WIDEN]();
    this.#grant();
    return this.#credits;
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

  /** Drops what waits, and tells the sender that the receiver is closed. */
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
    this[RECEIVED]++;
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
      core.handlers[this.#handle] = (flags, body) => this.#hear(flags, body);
    }
    return this.#handle;
  }

  #hear(flags, body) {
    if (flags & DEAD) {
      delete core.handlers[this.#handle];
      homes.delete(this.#handle);
      this[END](reason(body));
      this.#handle = this.#credits = 0;
    } else if (flags & ERROR) {
      // The switch says that it takes credit. This comes behind what the master was sent.
      this.#say(Buffer.from("0"));
      this.#isNear = true;
    } else if (this.#credits) this[PUT]({ body });
    else {
      this.#credits = Number(body);
      if (this.#farewell) this.#say(this.#farewell, DEAD);
    }
  }

  /** Send to where credit goes. */
  #say(body, flags) {
    if (!this.#credits) return;
    if (this.#isNear) sendNear(this.#credits, body, flags);
    else core.send(this.#credits, body, flags);
  }

  #grant() {
    if ((this.#granted - this.#taken) * 2 > this.#window || this[ENDED]) return;
    // We keep up: let no link be so long that it is the window which slows it.
    if (!this.#queue.length) this.#window = Math.min(this.#window * 2, MAX_WINDOW);
    const credit = this.#taken + this.#window - this.#granted;
    this.#granted += credit;
    this.#say(Buffer.from(String(credit)));
  }

  #stop(error) {
    if (!this[ENDED]) {
      this[ENDED] = true;
      this.#farewell = closing(error);
      this.#say(this.#farewell, DEAD);
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

/**
 * Values of several receivers in one loop, as [receiver, value]; none twice while another waits.
 */
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

Object.assign(exports, {
  DEAD,
  END,
  ENDED,
  ADMIT,
  GRANT_ALL,
  OVERHEAD,
  PUT,
  RECEIVED,
  Queue,
  Receiver,
  Select,
  WIDEN,
  WINDOW,
  closedError,
  closing,
  homes,
  reason,
  sendNear,
});
