/**
 * Second program: relays. Context B was given a sender of context A, and both are behind this hop,
 * or one is the hop itself. So what B sends goes to A from here, and A's credit to B. The master
 * hears of what holds senders, which it has to translate, and of the end.
 */
const WINDOW = 262144; // bytes that a sender may send before it hears of credit
const MAX_WINDOW = 4194304;
const OVERHEAD = 24; // bytes that count for each value
const MAX_MESSAGE = 268435456;
const MAX_CREDITS = 1048576; // bytes of a message of credit, or of a closing error
const FAR_SIDE_ENDED = Buffer.from('"the far side ended"');

const relays = new Set();
const relayed = new Map(); // id of a context: by handle, what takes its frames for that handle

/** Make the frames of a message of the master's, or of context `src` if a relay hands it on. */
const messageOf = (dst, handle, reply, flags, body, limit = MAX_FRAME, src = 0) => {
  const list = [];
  for (let at = 0; at === 0 || at < body.length; at += limit) {
    const part = body.subarray(at, at + limit);
    const head = Buffer.alloc(HEADER);
    [dst, src, 0, handle, reply].forEach((word, i) => head.writeUInt32BE(word, i * 4));
    head[20] = flags | (CONT * (at > 0)) | (MORE * (at + limit < body.length));
    head.writeUIntBE(part.length, 21, 3);
    list.push(Buffer.concat([head, part]));
  }
  return list;
};

/** @returns how long a frame for a context may be */
const limitOf = (dst) => (dst === me ? MAX_LENGTH : MAX_FRAME);

/** Make a frame on the master's authority of one that a child has sent, in place. */
const readdress = (frame, dst, handle) => {
  const src = frame.readUInt32BE(4);
  [dst, src, 0, handle, 0].forEach((word, i) => frame.writeUInt32BE(word, i * 4));
  return frame;
};

const numberOf = (body) => {
  const number = JSON.parse(body);
  if (!Number.isSafeInteger(number) || number <= 0) throw new Error("a number was expected");
  return number;
};

/** In a value's text: what has another name in each context, also if its letters are escaped. */
const NAMED = ['"!h"', '"!g"', '"!e"', "\\u002", "\\u006"];

/** Whether only the master can hand this value on. */
const needsMaster = (body) => {
  const text = body[0] ? body : body.subarray(5, 5 + body.readUInt32BE(1));
  return NAMED.some((name) => text.includes(name));
};

/** @returns what a context says when it closes a channel; null in place of what means nothing */
const closingOf = (body) => {
  try {
    const said = JSON.parse(body);
    const texts = Array.isArray(said) && said.length === 3 ? said : [said];
    if (texts.every((text) => typeof text === "string")) return body;
  } catch {
    // No JSON.
  }
  return Buffer.from("null");
};

/** What takes a frame of a child, if a relay does. */
const relayOf = (bytes, at) =>
  relayed.size
    ? relayed.get(bytes.readUInt32BE(at + 4))?.get(bytes.readUInt32BE(at + 12))
    : undefined;

/** Frames that a context sends to one handle, for a relay. */
class Lane {
  #relay;
  #take;
  #limit;
  #parts = [];
  #size = 0;

  /**
   * @param take is called with each message: whether it is dead, its body, and its frame if there
   * is but one
   */
  constructor(relay, limit, take) {
    this.#relay = relay;
    this.#limit = limit;
    this.#take = take;
  }

  /** Take a whole message, which did not come as a frame. */
  hear(context, dead, body) {
    try {
      this.#take(dead, body);
    } catch {
      this.#relay.sever(context);
    }
  }

  /** Take a frame, with its memory. @returns what is wrong with it; undefined if nothing is */
  push(frame) {
    this.#parts.push(frame.subarray(HEADER));
    this.#size += frame.length - HEADER;
    try {
      if (this.#size > this.#limit) throw new Error("a message that is too long");
      if (frame[20] & MORE) return undefined;
      const parts = this.#parts;
      this.#parts = [];
      this.#size = 0;
      const dead = frame[20] & DEAD;
      if (parts.length > 1) this.#take(dead, Buffer.concat(parts));
      else this.#take(dead, parts[0], frame);
      return undefined;
    } catch (e) {
      this.#relay.sever(frame.readUInt32BE(4));
      return e.message;
    }
  }
}

class Relay {
  #notices; // the master's handle
  #from; // the context that sends
  #handle; // … to this handle of the master's
  #to; // the context that receives
  #receiver; // … at this handle of its own
  #credits; // the master's handle that it sends credit to
  #reply; // the sending context's handle for credit, as soon as it is known
  #early = 0; // credit that came before
  #farewell; // the end that came before
  #budget = WINDOW; // bytes that the sending context may still send
  #granted = WINDOW; // bytes that the receiving context has allowed in all
  #written = 0; // bytes of these that were written to it
  #owed = 0; // bytes that the master has sent on the same channel
  #rising = 0; // bytes of the value that the master has
  #steps; // what waits until the master has translated a value
  #isClosed = false; // the sending context has closed it
  #isRefused = false; // the receiving one has

  constructor(notices, handle, from, receiver, to, credits) {
    this.#notices = notices;
    [this.#from, this.#handle] = [from, handle];
    [this.#to, this.#receiver, this.#credits] = [to, receiver, credits];
    relays.add(this);
    this.#listen(from, handle, MAX_MESSAGE, (...message) => this.#hear(...message));
    this.#listen(to, credits, MAX_CREDITS, (...message) => this.#grant(...message));
  }

  is(handle, from) {
    return this.#handle === handle && this.#from === from;
  }

  joins(context) {
    return this.#from === context || this.#to === context;
  }

  /** The master has translated the value that the others wait for. */
  translated(body) {
    if (body) {
      this.#written -= this.#rising;
      this.#deliver(0, body);
    }
    const steps = this.#steps ?? [];
    this.#steps = undefined;
    for (const step of steps) this.#inOrder(step);
  }

  /** Send a value of the master's. It costs the receiver's credit, too. */
  inject(body) {
    this.#owed += body.length + OVERHEAD;
    this.#inOrder(() => this.#deliver(0, body));
  }

  /**
   * End it, as the master wants.
   *
   * @param closing what the sending context is told, if it is told
   */
  end(closing) {
    relays.delete(this);
    this.#steps = undefined;
    this.#forget(this.#to, this.#credits);
    if (closing && !this.#isRefused) this.#answer(DEAD, closing);
    if (!closing || this.#isClosed) this.#forget(this.#from, this.#handle);
  }

  /** One of the two contexts is gone. What the other says, up to its answer, is taken here. */
  sever(context) {
    const wasOver = !relays.has(this);
    if (context === this.#to) this.end(FAR_SIDE_ENDED);
    else {
      const isTold = wasOver || (this.#isClosed && !this.#steps);
      if (!isTold) this.#deliver(DEAD, FAR_SIDE_ENDED);
      relays.delete(this);
      this.#steps = undefined;
      this.#forget(this.#from, this.#handle);
      if (this.#isRefused) this.#forget(this.#to, this.#credits);
    }
    if (!wasOver) this.#notify("ended");
  }

  #forget(context, handle) {
    const handles = relayed.get(context);
    handles?.delete(handle);
    if (handles?.size === 0) relayed.delete(context);
  }

  #listen(context, handle, limit, take) {
    if (!relayed.has(context)) relayed.set(context, new Map());
    relayed.get(context).set(handle, new Lane(this, limit, take));
  }

  /** What the sending context sends. */
  #hear(dead, body, frame) {
    if (!dead && this.#reply === undefined) return this.#meet(numberOf(body));
    if (!relays.has(this)) return dead && this.#forget(this.#from, this.#handle);
    if (this.#isClosed) return;
    if (dead) this.#isClosed = true;
    else if (this.#budget <= 0) throw new Error("a value without credit");
    else this.#budget -= body.length + OVERHEAD;
    this.#inOrder(() => this.#pass(dead, body, frame));
  }

  #meet(reply) {
    this.#reply = reply;
    if (this.#early) this.#answer(0, Buffer.from(`${this.#early}`));
    if (this.#farewell) this.#answer(DEAD, this.#farewell);
  }

  #pass(dead, body, frame) {
    if (!dead && (needsMaster(body) || this.#isTooLong(body))) {
      this.#steps = [];
      this.#rising = body.length + OVERHEAD;
      this.#written += this.#rising; // the master is going to write it
      passOn(Buffer.concat(frames(this.#notices, body)));
      return;
    }
    if (!dead) return this.#deliver(0, body, frame);
    this.#deliver(DEAD, closingOf(body));
    this.#settle();
  }

  /** Whether the main thread of this hop would get it in several frames: see FORWARD. */
  #isTooLong(body) {
    return this.#to === me && body.length > MAX_LENGTH;
  }

  #inOrder(step) {
    if (this.#steps) this.#steps.push(step);
    else step();
  }

  /** What the receiving context sends. */
  #grant(dead, body) {
    if (!relays.has(this)) return dead && this.#forget(this.#to, this.#credits);
    if (dead) {
      if (!this.#isRefused) this.#answer(DEAD, closingOf(body));
      this.#isRefused = true;
      return this.#settle();
    }
    const credit = numberOf(body);
    this.#granted += credit;
    // What is on its way to be written was taken for written.
    const limit = this.#written + 2 * MAX_WINDOW;
    if (this.#granted > limit) throw new Error("credit beyond the window");
    const withheld = Math.min(credit, this.#owed);
    this.#owed -= withheld;
    if (withheld && !this.#owed) this.#notify("injected");
    if (credit === withheld) return;
    this.#budget += credit - withheld;
    if (this.#reply === undefined) this.#early += credit - withheld;
    else this.#answer(0, Buffer.from(`${credit - withheld}`));
  }

  /** To the receiving context. */
  #deliver(flags, body, frame) {
    if (this.#isRefused && !flags) return;
    const list = frame
      ? [readdress(frame, this.#to, this.#receiver)]
      : messageOf(this.#to, this.#receiver, 0, flags, body, limitOf(this.#to), this.#from);
    routes.get(this.#to)?.relay(this.#to, list, () => {
      this.#written += body.length + OVERHEAD;
    });
  }

  /** To the sending context, ahead of what waits for it. */
  #answer(flags, body) {
    if (this.#reply === undefined) {
      if (flags) this.#farewell = body;
      return;
    }
    const list = messageOf(this.#from, this.#reply, 0, flags, body, MAX_FRAME, this.#to);
    routes.get(this.#from)?.relayFirst(list);
  }

  #settle() {
    if (!this.#isClosed || !this.#isRefused) return;
    this.end();
    this.#notify("ended");
  }

  #notify(word) {
    tell(this.#notices, ["relay", word]);
  }
}
