/**
 * The JavaScript core, 2 of 4: the main thread. It runs calls, and answers them.
 * All that touches user code is here.
 *
 * It blocks in `Atomics.wait` alone, on a word that the worker changes.
 */
const handlers = {}; // handle: function(flags, body)
const modules = {}; // name: the master's record of that module, of the second tier
const offers = []; // [flags, body] of LOAD_MODULE, not looked at yet
const bundles = []; // the same of LOAD_BUNDLE: modules of the user's, for econtext.bundles
const tiers = {};
const calls = []; // [reply, flags, body], not begun
const active = new Map(); // reply-to of each call that has begun: { reply, controller … }
let nextHandle = 1000;
let starting = 0; // a call waits for its module: the next call waits until this one has begun
let closing = 0;
let parts = []; // of a message in several frames
let replies = []; // frames that wait for the end of this turn
let waiting = 0; // a flush is due at the end of this turn
let blocked = 0; // this thread waits for an answer
let port; // to the worker; undefined until there is one, which answers PING and CANCEL
let pause; // a timer: no call begins until the interrupt of a cancelled one is over

// -- Values: JSON, and econtext.values for what JSON cannot say
const plain = (value, depth = 0) => {
  if (typeof value === "number")
    return Number.isSafeInteger(value) ? value || 1 / value > 0 : value % 1;
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
  // econtext.values judges what may be a lone surrogate, or is large.
  return text && text.length < 8e7 && !text.includes("\\ud")
    ? Buffer.from(text)
    : Buffer.concat(tier("values").encodeBounded(value, root).chunks);
};

const decode = (body) => {
  const text = body[0] ? "" + body : '"!';
  return text.includes('"!') ? tier("values").decodeValue(body) : JSON.parse(text);
};

/** Inflate a zlib stream. Bun has raw inflate at hand, and takes long to load node:zlib. */
const inflate = (bytes) =>
  isBun ? Buffer.from(Bun.inflateSync(bytes.subarray(2))) : load("zlib").inflateSync(bytes);

// -- Interrupts: each ends only the call that it is meant for
/**
 * Say what may be interrupted from now on, and wait for the interrupt that the worker has begun.
 * If that is a termination, it ends this function and all that called it.
 */
const enter = (word) => {
  set(CURRENT, word);
  while (get(AIM)) wait(1);
};

/** Make a function that user code may call, and that is not terminated in its middle. */
const whole =
  (work) =>
  (...args) => {
    const was = get(CURRENT);
    if (was > 0) enter(-was);
    try {
      return work(...args);
    } finally {
      // A call that was cancelled meanwhile is not the current one any more. User code may call
      // this again and again: leave a moment for a termination.
      if (swap(CURRENT, -was, was) && get(DOOMED) === was) wait(1);
    }
  };

// -- Output: once a turn, in order
/** Send a message: in this thread if the output lock is free, or else by the worker. */
const post = whole((message, size, list) => {
  if (!swap(OWNER, 0, 2)) {
    say([message]);
    add(OWNER, -2);
    return message.last && hear(message);
  }
  add(QUEUED, (message.size = size));
  port.postMessage(message, list);
  // While the master is slow, user code waits here: else what it prints would fill the memory.
  while (get(QUEUED) > MAX_QUEUE) wait(2);
});

const flush = whole(() => {
  waiting = 0;
  if (!replies.length) return;
  let out = Buffer.concat(replies);
  // A short buffer shares its memory with others: only a copy can be transferred.
  if (out.length < MAX_FRAME / 4) out = new Uint8Array(out);
  replies = [];
  post({ out }, out.length, [out.buffer]);
});

const send = (handle, body, flags, reply) => {
  // 0: who has called wants no answer.
  if (handle) replies.push(...frames(handle, body, flags, reply));
  if (replies.length > 999) flush();
  if (!waiting) queueMicrotask(flush);
  waiting = 1;
};

/** Send one record of the user's logging, after all that was printed. */
const record = (level, name, message) => {
  if (level < lowest) return;
  flush();
  // A record takes more memory than its text.
  post({ record: [level, name, message, Date.now() / 1e3] }, message.length + 999);
};

// -- Input
const deliver = (handle, reply, body, flags, route) => {
  if (route) return 1;
  if (flags & 3) {
    parts.push(body);
    if (flags & MORE) return;
    body = Buffer.concat(parts);
    parts = [];
  }
  if (handle === CALL_FUNCTION) calls.push([reply, flags, body]);
  else if (handle === LOAD_MODULE) offers.push([flags, body]);
  else if (handle === LOAD_BUNDLE) bundles.push([flags, body]);
  else if (handle === PING) {
    if (!port) send(reply, body);
  } else if (handlers[handle]) handlers[handle](flags, body);
  else send(reply, json("no handle"), DEAD);
};

/** Take a message of the worker. */
const hear = (message) => {
  const { buffer, cancel: doomed, end, last, at } = message;
  if (at || buffer) walk(Buffer.from(buffer ?? message, "latin1"), deliver);
  if (doomed) {
    add(ACK, 1);
    cancel(doomed);
  }
  if (end) for (const call of active.values()) call.controller?.abort(new Error("disconnected"));
  if (last) core.others() ? die() : exit(0);
};

// -- Calls
/** End the call that replies to `handle`, and answer it, whatever its function still does. */
const cancel = ([handle, why]) => {
  const at = calls.findIndex((call) => call[0] === handle);
  const call = active.get(handle);
  if (at >= 0) {
    calls.splice(at, 1);
    refuse(handle, "");
  }
  if (!call) return;
  // If no other call runs, the commands of this one get the signal of Ctrl-C. This process gets it
  // too, so the next call waits until the signal has passed.
  if (active.size === 1 && get(DOOMED) !== handle) interrupt();
  clearTimeout(pause);
  pause = setTimeout(resume, isBun ? 100 : 30);
  end(call);
  call.controller?.abort(new Error(why));
  refuse(handle, why);
};

/** Go on after an interrupt, which may have left any function in its middle. */
const resume = () => {
  starting = blocked = waiting = pause = 0;
  pump();
  flush();
};

const refuse = (handle, why) => send(handle, json(["econtext.Cancelled", why, ""]), ERROR);

/** No user code runs in this turn any more. A command of the only call may still be ended. */
const current = () => enter(active.size === 1 ? -[...active.keys()] : 0);

/** Find a function of a builtin module or a global one. All others are the importer's. */
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

/** End a call: nothing more is sent for it. */
const end = (call) => {
  call.over = 1;
  active.delete(call.reply);
  if (closing) queueMicrotask(pump);
  current();
  if (call.limited) port.postMessage([call.reply, 0]);
};

/** Whether the call was answered, or a cancel that is under way is going to answer it. */
const isOver = (call) => call.over || get(DOOMED) === call.reply;

const fail = (call, e) => {
  current();
  if (isOver(call)) return;
  end(call);
  send(call.reply, json(tier("failures").describe(e)), ERROR);
};

const finish = (call, value) => {
  if (isOver(call)) return;
  try {
    const answer = encode(value, "result");
    end(call);
    send(call.reply, answer);
  } catch (e) {
    fail(call, e);
  }
};

/** Run the function of a call. */
const begin = (call, fn, args, options) => {
  if (call.over) return;
  starting = 0;
  core.calling = call;
  if (options.context) args.unshift(tier("external").context(call));
  set(CURRENT, call.reply);
  // In Bun only a script that runs by a detour is ended by a signal. That costs more than a call.
  const value =
    isBun && (call.limited || options.cancel)
      ? tier("external").interruptible(() => fn(...args))
      : fn(...args);
  current();
  if (typeof value?.then === "function")
    value.then(
      (result) => finish(call, result),
      (e) => fail(call, e),
    );
  else finish(call, value);
};

const run = ([reply, , body]) => {
  const call = { reply };
  active.set(reply, call);
  try {
    const [name, args, named = {}, options = {}] = decode(body);
    if (Object.keys(named).length) args.push(named);
    // The last call starts the worker itself, if it takes long.
    if (!closing) go();
    call.limited = options.deadline !== undefined;
    if (call.limited) port.postMessage([reply, options.deadline || 1]);
    current();
    const fn = find(name);
    if (typeof fn === "function") begin(call, fn, args, options);
    else {
      starting = 1;
      fn.then((found) => begin(call, found, args, options))
        .catch((e) => {
          if (!call.over) starting = 0;
          fail(call, e);
        })
        .then(pump);
    }
  } catch (e) {
    fail(call, e);
  }
};

/** Begin the calls that wait, as far as they may begin. */
const pump = () => {
  // A cancel that has come meanwhile is heard first: it may be for the next call.
  while (calls.length && !starting && !closing && !blocked && !pause && get(CANCELS) === get(ACK)) {
    const call = calls.shift();
    if (call[1] & DEAD) closing = 1;
    if (!closing || call[0]) run(call);
  }
  if (closing && !active.size) {
    flush();
    // The worker answers when all that was sent and printed is written. Bun would use an idle turn
    // of the event loop to collect garbage first: 60 ms, after a large package.
    post({ last: 1 }, 0);
    serve(() => {});
  }
};

// -- Modules: questions to the master
/** Ask the master. `receive` gets the flags and the body of its answer. */
const ask = (request, receive) => {
  const here = ++nextHandle;
  handlers[here] = (...answer) => {
    delete handlers[here];
    receive(answer);
  };
  send(GET_MODULE, json(request), 0, here);
  flush();
};

/** Keep records that came. They are plain JSON, whatever they contain. @returns the first */
const keep = (flags, body) => {
  const records = JSON.parse(flags & DEFLATE ? inflate(body) : body);
  if (flags & DEAD) throw new Error(records);
  for (const record of records) modules[record[0]] = record;
  return records[0];
};

/** Block this thread, and take messages of the worker, until `isDone`. */
const serve = (isDone) => {
  while (!isDone()) {
    const seen = get(SIGNAL);
    const message = load("worker_threads").receiveMessageOnPort(port);
    if (message) hear(message.message);
    else Atomics.wait(shared, SIGNAL, seen);
  }
};

/**
 * Ask, and block this thread until the answer is there. Other messages are taken meanwhile, but no
 * call begins.
 *
 * @param take makes of the answer what is returned
 */
const fetch = whole((request, take = keep) => {
  let answer;
  ask(request, (message) => (answer = message));
  go();
  blocked++;
  serve(() => answer);
  blocked--;
  // Begin the calls that came meanwhile: there may be no later message that would.
  queueMicrotask(pump);
  return take(...answer);
});

/** Load a module of the second tier. */
const tier = whole((name) => {
  if (!tiers[name]) {
    for (const offer of offers.splice(0)) keep(...offer);
    const key = "econtext." + name;
    const source = (modules[key] ?? fetch(key))[4];
    const module = (tiers[name] = { exports: {} });
    new Function("core,require,exports,module", `${source}\n//# sourceURL=${key}`)(
      core,
      load,
      module.exports,
      module,
    );
  }
  return tiers[name].exports;
});
