/**
 * The JavaScript core: everything that a context needs from its first message to its end. One source for Node.js 18 to 26 and Bun.
 *
 * The first stage evaluates this text in the main thread, which runs user code; the same text runs once more as a worker thread,
 * the broker: it reads the stream, the IoLoggers and the clock, and keeps control when user code hangs. What only some contexts
 * need is in the other files of this folder, the second tier: they come as modules `econtext.NAME`.
 *
 * The bytes on the wire: docs/protocol.md. What happens in which order: docs/how-it-works.md. Twin: stage1/python/core.py.
 *
 * Until the worker is up (it takes longer than a first call), the main thread does its work: it reads up to the first call, and writes.
 * `shared[OWNER]` says whose the output is: from its first turn on the worker's, who lends it to the main thread for short calls.
 *
 * The first stage leaves `R`, which reads N bytes of descriptor 3, and `c`, this text. In the worker there is no `R`.
 */
// -- Handles -- docs/protocol.md, "Handles"; twin: src/protocol/handles.ts
const GET_MODULE = 100;
const CALL_FUNCTION = 101;
const FORWARD_LOG = 102;
const LOAD_MODULE = 103;
const CANCEL = 104;
const PING = 105;

// -- Flags of a frame
const MORE = 1;
const CONT = 2;
const DEAD = 4;
const ERROR = 8;
const DEFLATE = 16;

const MAX_FRAME = 262144;
const MAX_QUEUE = 1 << 23;

// -- Words that the two threads share
const OWNER = 0; // of the output: 0 main, 1 worker, 2 main is writing
const SIGNAL = 1; // counts what the worker has sent to the main thread
const QUEUED = 2; // bytes that the main thread has handed over and the worker has not written
const CURRENT = 3; // the reply-to of the call that the main thread is in
const DOOMED = 4; // the reply-to of a call that the worker interrupts
const ACK = 5; // how many cancels the main thread has seen
const CANCELS = 6; // of how many
const REST = 7; // how long what came after the last newline is, of stdout, then of stderr; both are in `rest`
// Behind them the `tally` of what was logged, for who owns the output
const SPENT = 0; // the second up to which the `rate` is used; never longer ago than four, so much may come at once
const DROPPED = 1; // characters

// User code may put others in their place (fake timers do).
// biome-ignore lint/suspicious/noShadowRestrictedNames: it is the same one
const { Buffer, Date, clearTimeout, queueMicrotask, setTimeout } = globalThis;
const load = require; // of Node.js, a global too
const fs = load("fs");
const proc = process;
const isBun = proc.versions.bun;
let shared, tally, rest, me, lowest, rate, lease;

const share = (words) => {
  shared = words;
  tally = new Float64Array(words.buffer, 48);
  rest = Buffer.from(words.buffer, 64);
};
const get = (word) => Atomics.load(shared, word);
const set = (word, value) => Atomics.store(shared, word, value);
const add = (word, value) => Atomics.add(shared, word, value);
const take = (owner) => !Atomics.compareExchange(shared, OWNER, 0, owner);
const json = (value) => Buffer.from(JSON.stringify(value));
const interrupt = () => proc.kill(0, "SIGINT");
const die = () => proc.kill(proc.pid, "SIGKILL");
const wait = (ms) => Atomics.wait(shared, 9, 0, ms);

// -- Frames ------------------------------------------------------------------------------------------
/** The frames of one message for the master. */
const frames = (handle, body, flags = 0, reply = 0) => {
  const list = [];
  const size = body.length;
  for (let at = 0; at === 0 || at < size; at += MAX_FRAME) {
    const part = body.subarray(at, at + MAX_FRAME);
    const head = Buffer.allocUnsafe(24);
    const more = flags | (CONT * (at > 0)) | (MORE * (at + MAX_FRAME < size));
    [0, me, me, handle, reply, more * 16777216 + part.length].forEach((word, i) =>
      head.writeUInt32BE(word, i * 4),
    );
    list.push(head, part);
  }
  return list;
};

/** Visit the frames that are whole. @returns how many bytes they are */
const walk = (bytes, visit) => {
  let at = 0;
  while (bytes.length - at >= 24) {
    const [dst, auth, handle, reply] = [0, 8, 12, 16].map((i) => bytes.readUInt32BE(at + i));
    const end = at + 24 + bytes.readUIntBE(at + 21, 3);
    if (bytes.length < end) break;
    visit(handle, reply, bytes.subarray(at + 24, end), bytes[at + 20], dst === me && !auth);
    at = end;
  }
  return at;
};

/** A descriptor that others share may be non-blocking: the same again, soon. Any other failure is the end. */
const again = (e) => {
  if (e.code !== "EAGAIN") die();
  wait(1);
};

/** Write it all. It blocks while the master does not read: then there is nothing else to say, either. */
const write = (bytes) => {
  for (let at = 0; at < bytes.length; )
    try {
      at += fs.writeSync(4, bytes, at);
    } catch (e) {
      again(e);
    }
};

// -- IoLogger: what user code and its children print -------------------------------------------------
const chunk = Buffer.alloc(MAX_FRAME); // what is read goes on as a copy; to make one each time would cost more than all else
const printed = {}; // descriptor: [name, 0 or 1]

/** Send one log record (for stdout and stderr: some lines), if the master wants its level. By who owns the output. */
const log = (level, name, message, when = Date.now() / 1e3) => {
  if (level < lowest) return;
  const now = Date.now() / 1e3;
  const spent = Math.max(tally[SPENT], now - 4) + message.length / rate;
  if (spent > now && rate) {
    tally[DROPPED] += message.length;
    return;
  }
  tally[SPENT] = spent;
  if (tally[DROPPED]) message = `(${tally[DROPPED]} characters dropped)\n${message}`;
  tally[DROPPED] = 0;
  write(
    Buffer.concat(
      frames(FORWARD_LOG, json([level, name, message.replace(/\p{Cs}/gu, "\ufffd"), when])),
    ),
  );
};

/** Forward what was printed: whole lines, and the rest when it is long or the last. By who owns the output. */
const forward = (fd, bytes, last) => {
  const [name, at] = printed[fd];
  const begin = at * MAX_FRAME;
  const data = Buffer.concat([rest.subarray(begin, begin + get(REST + at)), bytes]);
  const cut = last || data.length > MAX_FRAME ? data.length : data.lastIndexOf(10) + 1;
  rest.set(data.subarray(cut), begin);
  set(REST + at, data.length - cut);
  if (cut) log(20, name, data.toString("utf8", 0, cut));
};

/** Forward all that was printed so far. */
const settle = (last) => {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  for (const fd in printed) {
    try {
      for (let n; (n = fs.readSync(+fd, chunk)); ) forward(fd, chunk.subarray(0, n));
    } catch {}
    if (last) forward(fd, Buffer.alloc(0), last);
  }
  Error.stackTraceLimit = limit;
};

/** Events of the web's kind are slow in Node.js, and the only ones in Bun's ports. */
const listen = (port, receive) => {
  if (isBun) port.onmessage = ({ data }) => receive(data);
  else port.on("message", receive);
};

/** Say what the main thread has to say, behind what was printed before. */
const say = ({ out, record, last }) => {
  settle(last);
  if (record) log(...record);
  if (out) write(out);
};

// == The worker =========================================================================================
const broker = (port, words, boot, fds) => {
  [me, lowest, lease, rate] = boot;
  share(words);
  Object.assign(printed, fds);
  Error.stackTraceLimit = 0;
  // Without it nobody would read, and nobody would notice the end.
  proc.on("uncaughtException", die);
  let frame = Buffer.alloc(24); // that has begun; its head alone, as long as that is not whole
  let got = 0; // bytes of it
  let heard = Date.now();
  let session;
  let over = 0;
  const limits = new Map(); // reply-to: the timer of its deadline

  const tell = (message, list) => {
    port.postMessage(message, list);
    add(SIGNAL, 1);
    Atomics.notify(shared, SIGNAL);
  };

  /** The stream is over. User code gets a moment to notice, and nobody hears how that ends; the guard does the rest. */
  const end = () => {
    reclaim();
    over = 1;
    tell({ end: 1 });
    interrupt();
    setTimeout(die, get(CURRENT) ? 400 : 9);
  };

  const cancel = (handle, why) => {
    const number = add(CANCELS, 1);
    tell({ cancel: [handle, why] });
    // A main thread that does not listen is in the call itself: as ctrl-C does, and again in a while. Where that did not do (a loop),
    // Node.js can end what runs. Not at once, and not soon again: it would hit what comes after.
    let tries = 0;
    const look = () => {
      if (get(ACK) > number) return;
      // Who asks and its deadline may both cancel it: one of them ends it, or the second end would hit what comes after.
      if (get(CURRENT) === handle && (tries || get(DOOMED) !== handle)) {
        set(DOOMED, handle);
        interrupt();
        if (++tries % 5 === 2 && !isBun) {
          // One for all: the second of its kind was seen to end nothing.
          if (!session) {
            session = new (load("inspector").Session)();
            session.connectToMainThread();
          }
          session.post("Runtime.terminateExecution");
        }
      }
      setTimeout(look, 200);
    };
    setTimeout(look, 20);
  };

  /** Serve what is the broker's own of these bytes, and pass on whole frames. @returns how many bytes they were */
  const pass = (bytes) => {
    const doomed = [];
    const at = walk(bytes, (handle, reply, body) => {
      if (handle === PING) {
        reclaim();
        write(Buffer.concat(frames(reply, body)));
      } else if (handle === CANCEL) doomed.push(JSON.parse(body));
    });
    // A short text is what crosses threads fastest. Much at once is better done by two threads.
    if (at < 2048) {
      if (at) {
        lend();
        tell(bytes.latin1Slice(0, at));
      }
    } else {
      reclaim();
      const { buffer } = bytes === frame ? bytes : new Uint8Array(bytes.subarray(0, at));
      tell({ buffer }, [buffer]);
    }
    // The main thread first: a cancel must not overtake its call.
    for (const call of doomed) cancel(...call);
    return at;
  };

  /** What is not whole is kept, and then passed on where it lies. */
  const feed = (bytes) => {
    for (let at = 0; ; ) {
      if (!got) at += pass(bytes.subarray(at));
      const part = bytes.subarray(at, at + frame.length - got);
      frame.set(part, got);
      got += part.length;
      at += part.length;
      if (got < frame.length) return;
      const head = frame;
      const size = 24 + head.readUIntBE(21, 3);
      if (size > got) {
        frame = Buffer.alloc(size);
        frame.set(head);
      } else {
        pass(frame);
        frame = Buffer.alloc(24);
        got = 0;
      }
    }
  };

  // A short call's answer need not wait for this thread: when it hands over a call and nothing is under way, it lends the output to the
  // main thread for 5 ms, and meanwhile does not read what is printed. (Bun cannot stop reading; its way to here is short.)
  const readers = [];
  let lent = 0;
  const reclaim = () => {
    if (!lent) return;
    clearTimeout(lent);
    lent = 0;
    while (!take(1)) wait(1);
    for (const reader of readers) reader.resume();
  };
  const lend = () => {
    if (isBun || get(CURRENT) || get(QUEUED)) return;
    clearTimeout(lent);
    if (!lent) {
      for (const reader of readers) reader.pause();
      set(OWNER, 0);
    }
    lent = setTimeout(reclaim, 5);
  };

  const open = (fd, take, over) => {
    if (isBun)
      (async () => {
        for await (const chunk of Bun.file(fd).stream()) take(chunk);
      })().then(over, over);
    else {
      // With a buffer of its own, pausing it stops the reading.
      const socket = new (load("net").Socket)({
        fd,
        onread: {
          buffer: Buffer.alloc(MAX_FRAME),
          callback: (n, bytes) => take(bytes.subarray(0, n)),
        },
      });
      socket.on("error", () => {});
      socket.on("close", over);
      return socket;
    }
  };

  while (!take(1)) wait(1);
  open(
    3,
    (chunk) => {
      heard = Date.now();
      feed(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
    },
    end,
  );
  for (const fd in printed)
    readers.push(
      open(
        +fd,
        (chunk) => forward(fd, chunk),
        () => {},
      ),
    );
  // What came while we waited in a write has not been heard yet: twice late is late.
  let late = 0;
  if (lease)
    setInterval(() => {
      if (Date.now() - heard < lease) late = 0;
      else if (late++) end();
    }, lease / 6);
  listen(port, (message) => {
    const { limit, last } = message;
    if (limit) {
      const [handle, ms] = limit;
      clearTimeout(limits.get(handle));
      limits.delete(handle);
      if (ms) limits.set(handle, setTimeout(cancel, ms, handle, "deadline"));
      return;
    }
    if (over) return;
    reclaim();
    say(message);
    add(QUEUED, -message.size);
    // An open session would hold up the end.
    if (last) {
      session?.disconnect();
      tell({ last });
    }
  });
};

// == The main thread ====================================================================================
const main = () => {
  // A zlib stream. Bun has the inner part of that at hand, and needs long for node:zlib.
  const inflate = (bytes) =>
    isBun ? Buffer.from(Bun.inflateSync(bytes.subarray(2))) : load("zlib").inflateSync(bytes);
  const handlers = new Map(); // handle: function(flags, body)
  const modules = new Map(); // name: the master's record of it
  const offers = []; // [flags, body] of LOAD_MODULE that nobody has looked at
  const tiers = {};
  const calls = []; // [reply, flags, body], not started
  const active = new Map(); // reply-to of each call that has begun: { end(), controller }
  let nextHandle = 1000;
  let starting = 0; // the next call waits until this one has begun
  let closing = 0;
  let parts = [];
  let replies = []; // frames that wait for the end of this turn
  let waiting = 0;
  let blocked = 0; // the main thread waits for an answer
  let pause; // no call begins until the interrupt of a cancelled one is over
  let early = 1; // there is no worker yet that serves PING

  // -- Values: JSON, and econtext.values for what JSON cannot say
  const plain = (value, depth = 0) => {
    if (typeof value === "number")
      return Number.isSafeInteger(value) ? !Object.is(value, -0) : value % 1;
    if (typeof value !== "object" || !value)
      return value === null || typeof value === "string" || typeof value === "boolean";
    const proto = Object.getPrototypeOf(value);
    const isArray = proto === Array.prototype;
    if (depth > 90 || !(isArray || proto === Object.prototype || proto === null)) return false;
    const keys = Object.keys(value);
    return (
      (isArray ? keys.length === value.length : keys.length > 1 || !/^!/.test(keys)) &&
      keys.every((k) => plain(value[k], depth + 1))
    );
  };

  const encode = (value, root) => {
    if (value === undefined) return Buffer.from('{"!u":0}');
    const text = plain(value) && JSON.stringify(value);
    // What looks like a lone surrogate, or is large, is for econtext.values to judge.
    return text && text.length < 8e7 && !text.includes("\\ud")
      ? Buffer.from(text)
      : Buffer.concat(tier("values").encodeBounded(value, root).chunks);
  };

  const decode = (body) => {
    const text = body[0] ? "" + body : '"!';
    return text.includes('"!') ? tier("values").decodeValue(body) : JSON.parse(text);
  };

  // -- Output: handed to the worker once a turn, in order
  const post = (message, size, list) => {
    if (take(2)) {
      say(message);
      set(OWNER, 0);
      return message.last && hear(message);
    }
    message.size = size;
    add(QUEUED, size);
    port.postMessage(message, list);
    // A slow master slows who prints and who replies.
    while (get(QUEUED) > MAX_QUEUE) wait(2);
  };

  const flush = () => {
    waiting = 0;
    if (!replies.length) return;
    let out = Buffer.concat(replies);
    // Of what is short, the memory is others' too.
    if (out.length < MAX_FRAME / 4) out = new Uint8Array(out);
    replies = [];
    post({ out }, out.length, [out.buffer]);
  };

  const send = (handle, body, flags, reply) => {
    replies.push(...frames(handle, body, flags, reply));
    if (replies.length > 999) flush();
    if (!waiting) queueMicrotask(flush);
    waiting = 1;
  };

  /** One record of the user's logging, behind all that was printed. */
  const record = (level, name, message) => {
    if (level < lowest) return;
    flush();
    post({ record: [level, name, message, Date.now() / 1e3] }, message.length + 999); // in memory it is more than its text
  };

  // -- Input
  const deliver = (handle, reply, body, flags, isOurs) => {
    if (flags & 3) {
      parts.push(body);
      if (flags & MORE) return;
      body = Buffer.concat(parts);
      parts = [];
    }
    if (!isOurs) return;
    if (handle === CALL_FUNCTION) calls.push([reply, flags, body]);
    else if (handle === LOAD_MODULE) offers.push([flags, body]);
    else if (handle === PING) early && send(reply, body);
    else if (handle === CANCEL) early && cancel(JSON.parse(body));
    else if (handlers.has(handle)) handlers.get(handle)(flags, body);
    else if (reply) send(reply, json("no handle"), DEAD);
  };

  const hear = (message) => {
    const { buffer, cancel: doomed, end, last, at } = message;
    if (at || buffer) walk(Buffer.from(buffer ?? message, "latin1"), deliver);
    if (doomed) {
      add(ACK, 1);
      cancel(doomed);
    }
    if (end) for (const call of active.values()) call.controller?.abort(new Error("disconnected"));
    if (last) others() ? die() : exit(0);
  };

  // -- Calls
  /** End the call that replies to `handle`: whatever it still does, its answer is given. */
  const cancel = ([handle, why]) => {
    const at = calls.findIndex((call) => call[0] === handle);
    const call = active.get(handle);
    if (at >= 0) {
      calls.splice(at, 1);
      refuse(handle, "");
    }
    if (!call) return;
    // Its commands get what ctrl-C would send, if they are nobody else's. So do we: the next call waits until that is over.
    if (active.size === 1 && get(DOOMED) !== handle) interrupt();
    clearTimeout(pause);
    pause = setTimeout(resume, isBun ? 100 : 30);
    call.end();
    call.controller?.abort(new Error(why));
    refuse(handle, why);
  };

  /** What ran may have been torn out of anything. */
  const resume = () => {
    starting = blocked = waiting = pause = 0;
    pump();
    flush();
  };

  const refuse = (handle, why) => send(handle, json(["econtext.Cancelled", why, ""]), ERROR);

  /** What an ERROR reply says of anything that was thrown, and of some of what led to it. */
  const failure = (e) => {
    try {
      const parts = [];
      const all = [e];
      for (const cause of all)
        if (cause && parts.length < 99) {
          // A stack may be empty: then the message is all that there is.
          parts.push(cause.stack || String(cause));
          all.push(cause.cause, ...(cause instanceof AggregateError ? cause.errors : []));
        }
      const own = e instanceof Object && e.name !== "Error" && e.name;
      return [
        own || e?.constructor?.name || typeof e,
        e?.message ?? e,
        parts.join("\ncaused by: "),
      ].map((s) => String(s).replace(/\p{Cs}/gu, "\ufffd"));
    } catch {
      return ["Error", "", ""];
    }
  };

  const current = () => set(CURRENT, active.size === 1 ? active.keys().next().value : 0);

  /** A builtin's or a global's function; else it is the importer's affair. */
  const find = (name) => {
    const [, own, module, path] =
      /^(?:(node:|econtext\.)([^.:]+)[.:])?([\p{ID_Continue}.$]+)$/u.exec(name) ?? [];
    if (!path || /^console|\.exit$/.test(name)) tier("console");
    if (!path) return tier("importer").find(name);
    let self;
    let found = own ? (own[0] === "n" ? load(module) : tier(module)) : globalThis;
    for (const part of path.split(".")) {
      self = found;
      found = found?.[part];
    }
    if (typeof found !== "function") throw new TypeError(`${name} is not a function`);
    return self === globalThis ? found : found.bind(self);
  };

  const run = ([reply, , body]) => {
    let alive = true;
    const call = {
      end() {
        if (!alive) return;
        alive = false;
        active.delete(reply);
        current();
        if (limited) port.postMessage({ limit: [reply, 0] });
      },
    };
    let limited;
    const fail = (e) => {
      // Interrupted: the cancel that did it is under way, and answers.
      if (!alive || get(DOOMED) === reply) return;
      call.end();
      if (reply) send(reply, json(failure(e)), ERROR);
    };
    const done = (value) => {
      if (!alive || get(DOOMED) === reply) return;
      try {
        const answer = encode(value, "result");
        call.end();
        if (reply) send(reply, answer);
      } catch (e) {
        fail(e);
      }
    };
    active.set(reply, call);
    try {
      const [name, args, named = {}, options = {}] = decode(body);
      const begin = (fn) => {
        if (!alive) return;
        starting = 0;
        if (Object.keys(named).length) args.push(named);
        core.calling = call;
        if (options.context) args.unshift(tier("external").context(call));
        set(CURRENT, reply);
        let value;
        // There, only a detour lets a signal end a loop; it costs more than a call.
        if (isBun && (limited || options.cancel))
          value = tier("external").interruptible(() => fn(...args));
        else value = fn(...args);
        current();
        if (typeof value?.then === "function") value.then(done, fail);
        else done(value);
      };
      limited = options.deadline !== undefined;
      if (limited) port.postMessage({ limit: [reply, options.deadline || 1] });
      set(CURRENT, reply);
      const fn = find(name);
      if (typeof fn === "function") begin(fn);
      else {
        starting = 1;
        current();
        fn.then(begin)
          .catch((e) => {
            if (alive) starting = 0;
            fail(e);
          })
          .then(pump);
      }
    } catch (e) {
      fail(e);
      current();
    }
  };

  const pump = () => {
    // A cancel that has come meanwhile is heard first: it may be for the next one.
    while (
      calls.length &&
      !starting &&
      !closing &&
      !blocked &&
      !pause &&
      get(CANCELS) === get(ACK)
    ) {
      const call = calls.shift();
      if (call[1] & DEAD) closing = 1;
      else run(call);
    }
    if (closing && !active.size) {
      closing = 0;
      flush();
      // Behind all that was said and printed; the worker says when.
      post({ last: 1 }, 0);
    }
  };

  // -- Modules: questions to the master
  const ask = (request, receive) => {
    const here = ++nextHandle;
    handlers.set(here, (...answer) => {
      handlers.delete(here);
      receive(answer);
    });
    send(GET_MODULE, json(request), 0, here);
    flush();
  };

  /** Keep records that came; the first of them. Theirs is plain JSON, whatever their text looks like. */
  const keep = (flags, body) => {
    const records = JSON.parse(flags & DEFLATE ? inflate(body) : body);
    if (flags & DEAD) throw new Error(records);
    for (const record of records) modules.set(record[0], record);
    return records[0];
  };

  /** Look at what was offered. */
  const absorb = () => {
    for (const offer of offers.splice(0)) keep(...offer);
  };

  /** Ask, and block the main thread until the answer is there; what else comes meanwhile waits. @param take makes of it what is returned */
  const fetch = (request, take = keep) => {
    const { receiveMessageOnPort } = load("worker_threads");
    let answer;
    ask(request, (message) => (answer = message));
    go();
    blocked++;
    while (!answer) {
      const seen = get(SIGNAL);
      const message = receiveMessageOnPort(port);
      if (message) hear(message.message);
      else Atomics.wait(shared, SIGNAL, seen);
    }
    blocked--;
    return take(...answer);
  };

  const fetchAsync = (request, take = keep) =>
    new Promise((done) => ask(request, done)).then((answer) => take(...answer));

  /** A module of the second tier. */
  const tier = (name) => {
    if (!tiers[name]) {
      absorb();
      const key = "econtext." + name;
      const source = (modules.get(key) ?? fetch(key))[4];
      const module = (tiers[name] = { exports: {} });
      new Function("core,require,exports,module", `${source}\n//# sourceURL=${key}`)(
        core,
        load,
        module.exports,
        module,
      );
    }
    return tiers[name].exports;
  };

  const core = {
    handlers,
    modules,
    absorb,
    tier,
    failure,
    record,
    handle: () => ++nextHandle,
    close: () => (closing = 1) && pump(),
    active,
    get, // a word that the threads share
    send,
    post,
    fetch,
    fetchAsync,
  };

  // -- The end
  const exit = (proc.reallyExit ?? proc.exit).bind(proc);

  /** What the system knows of a process: its state, parent, process group … */
  const about = (pid) => {
    const stat = "" + fs.readFileSync(`/proc/${pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  };

  /** Whether the process group holds more than us and those who wait for us: then the guard has work to do. */
  const others = () => {
    try {
      const group = {};
      const ours = about("self")[2];
      for (const pid of fs.readdirSync("/proc"))
        try {
          const [state, parent, pgrp] = about(+pid);
          if (pgrp === ours && state !== "Z") group[pid] = parent;
        } catch {}
      for (let { pid } = proc, next; (next = group[pid]); pid = next) delete group[pid];
      return Object.keys(group).length;
    } catch {
      return 1;
    }
  };

  // -- Boot
  const bootHead = R(24);
  const ready = bootHead.readUInt32BE(16);
  me = bootHead.readUInt32BE(0);
  let nonce, argv0;
  core.me = me;
  [, nonce, core.name, argv0, lowest, lease, rate] = JSON.parse(R(bootHead.readUInt32BE(20)));
  // The pipe that the shell left on 5 becomes stdout, the one on 0 stderr; their other ends, which we read, do not block.
  const reader = (fd) => fs.openSync("/proc/self/fd/" + fd, fs.constants.O_NONBLOCK);
  const become = (fd, path, mode) => {
    fs.closeSync(fd);
    fs.openSync(path, mode);
  };
  become(1, "/proc/self/fd/5", "w");
  become(2, "/proc/self/fd/0", "w");
  fs.closeSync(5);
  printed[reader(1)] = ["stdout", 0];
  printed[reader(2)] = ["stderr", 1];
  become(0, "/dev/null");
  try {
    // Make `ps` show it: our arguments lie in memory that Linux lets us write.
    const [start, stop] = about("self").slice(45);
    const memory = fs.openSync("/proc/self/mem", "r+");
    const shown = Buffer.alloc(stop - start);
    shown.write(argv0, 0, stop - start - 1);
    fs.writeSync(memory, shown, 0, stop - start, +start);
    fs.closeSync(memory);
  } catch {}
  proc.argv.push(argv0);
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) proc.on(name, () => {});

  share(new Int32Array(new SharedArrayBuffer(524352), 0, 10));
  const { port1: port, port2 } = new MessageChannel();
  const worker = isBun
    ? new Worker(URL.createObjectURL(new Blob(["onmessage=e=>eval(e.data,require)"])))
    : new (load("worker_threads").Worker)(c, { eval: true });
  // Bun would keep what it makes of a long text on disk; not of what is evaluated.
  if (isBun) worker.postMessage(c);
  write(Buffer.from(`econtext/1 ${nonce}\n`));
  send(
    ready,
    encode([isBun ? "bun" : "node", isBun ?? proc.versions.node, proc.pid, proc.execPath]),
  );
  flush();
  const go = () => {
    if (!early) return;
    early = 0;
    worker.postMessage([port2, shared, [me, lowest, lease, rate], printed], [port2]);
    // Now, not earlier: whoever blocks in a read hears no message.
    listen(port, (message) => {
      hear(message);
      pump();
      flush();
    });
  };
  // Until there is a call there is nothing to keep control of.
  const next = (n) => {
    const bytes = Buffer.alloc(n);
    for (let at = 0; at < n; )
      try {
        at += fs.readSync(3, bytes, at, n - at) || die();
      } catch (e) {
        again(e);
      }
    return bytes;
  };
  while (!calls.length) {
    const head = next(24);
    walk(Buffer.concat([head, next(head.readUIntBE(21, 3))]), deliver);
    flush();
  }
  go();
  // Not earlier: what fails before there is a worker has to end the process.
  for (const name of ["unhandledRejection", "uncaughtException"])
    proc.on(name, (e) => record(40, "econtext", "uncaught: " + failure(e)[2]));
  pump();
  flush();
};

if (typeof R === "function") main();
else if (isBun) onmessage = ({ data }) => broker(...data);
else load("worker_threads").parentPort.once("message", (data) => broker(...data));
