/**
 * The JavaScript core, 4 of 4: the worker thread. It reads the connection and what is printed,
 * answers PING, interrupts the main thread, and ends the process when the connection is over.
 *
 * The worker runs no user code, decodes only plain JSON, and waits for nothing but the output lock.
 */
/** The port to the main thread; undefined until start. */
let port;
let frame = Buffer.alloc(24); // a frame that has begun; its header alone, until that is whole
let got = 0; // bytes of that frame
let heard = Date.now(); // when the master was last heard
let session; // with the inspector of the main thread
let over = 0;
const limits = {}; // reply-to: the timer of its deadline
const mail = []; // messages of the main thread that are not written yet

const tell = (message, list) => {
  port.postMessage(message, list);
  add(SIGNAL, 1);
  Atomics.notify(shared, SIGNAL);
};

/**
 * End the process: the connection is over. User code gets a moment to notice that. The guard ends
 * what user code has started.
 */
const end = () => {
  acquire();
  over = 1;
  tell({ end: 1 });
  interrupt();
  setTimeout(die, get(CURRENT) ? 400 : 9);
};

/**
 * Cancel a call: tell the main thread, which answers the call. A main thread that does not listen
 * is in that call, or slow. The call is interrupted as by Ctrl-C, again and again. An interrupt
 * does not end a loop: Node.js can terminate it, while the function of the call runs.
 *
 * An interrupt must not end the code that runs next. So the main thread does not leave the call
 * while AIM is set.
 */
const cancel = (handle, why) => {
  const number = add(CANCELS, 1);
  tell({ cancel: [handle, why] });
  const look = (again) => {
    // The caller and the deadline may both cancel a call. Only one of them interrupts it.
    if (get(ACK) > number || (!again && get(DOOMED) === handle)) return;
    setTimeout(look, 200, 1);
    const held = swap(AIM, 0, 1); // a termination is under way
    if (Math.abs(get(CURRENT)) === handle) {
      set(DOOMED, handle);
      interrupt();
      if (again && get(CURRENT) === handle && !held && !isBun) {
        // All calls share one session: a second session was seen to terminate nothing.
        if (!session) {
          session = new (load("inspector").Session)();
          session.connectToMainThread();
        }
        return session.post("Runtime.terminateExecution", () => {
          swap(CURRENT, handle, 0);
          set(AIM, 0);
        });
      }
    }
    if (!held) set(AIM, 0);
  };
  setTimeout(look, 20);
};

/**
 * Take a frame for another context. The first such frame is a program, ../switch. It installs
 * the function that takes all later ones.
 */
let forward = (program) => {
  const install = (take) => (forward = take);
  const divert = (wrap) => (feed = wrap(feed, () => [frame, got]));
  new Function("core", program.subarray(24))([
    install,
    load,
    me,
    acquire,
    frames,
    pass,
    write,
    divert,
  ]);
};

/**
 * Serve the worker's own frames of these bytes, and pass other whole frames on to the main thread.
 * A frame for another context is forwarded when it stands alone, in `frame`.
 *
 * @returns how many bytes were served
 */
const pass = (bytes) => {
  const doomed = [];
  const at = walk(bytes, (handle, reply, body, _flags, route) => {
    if (route) {
      if (bytes === frame) forward(bytes);
      return 1;
    }
    if (handle === PING) {
      acquire();
      put(reply, body);
    } else if (handle === CANCEL) doomed.push(JSON.parse(body));
  });
  // A short text crosses threads fastest. Many bytes are better read by two threads.
  if (at < 2048) {
    if (at) {
      release();
      tell(bytes.latin1Slice(0, at));
    }
  } else {
    acquire();
    const { buffer } = bytes === frame ? bytes : new Uint8Array(bytes.subarray(0, at));
    tell({ buffer }, [buffer]);
  }
  // Only now: a cancel must not overtake its call on the way to the main thread.
  for (const call of doomed) cancel(...call);
  return at;
};

/** Take bytes that came. An incomplete frame is kept in `frame`, and passed on in that memory. */
let feed = (bytes) => {
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

// -- The output lock
// The answer of a short call need not go through this thread. When the worker passes on a call and
// no call runs, it releases the lock for 5 ms, and does not read what is printed meanwhile. (Bun
// cannot stop reading; its way to this thread is short.)
const readers = [];
let released = 0; // the timer that ends it

const acquire = () => {
  if (!released) return;
  clearTimeout(released);
  released = 0;
  add(OWNER, 1);
  while (get(OWNER) > 1) wait(1);
  for (const reader of readers) reader.resume();
};

const release = () => {
  if (isBun || get(CURRENT) || get(QUEUED)) return;
  clearTimeout(released);
  if (!released) {
    for (const reader of readers) reader.pause();
    set(OWNER, 0);
  }
  released = setTimeout(acquire, 5);
};

// -- Start
/** Read a descriptor from now on. */
const open = (fd, take, over) => {
  if (isBun)
    (async () => {
      fs.closeSync(spare.pop());
      for await (const chunk of Bun.file(fd).stream()) take(chunk);
    })().then(over, over);
  else {
    // A socket with a buffer of its own stops reading when it is paused.
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

/**
 * What the main thread asks for. Node.js hands over a thousand messages or more in one turn. They
 * are written at its end, all at once: to look whether anything was printed takes long.
 */
const receive = (message) => {
  if (message.length) {
    const [handle, ms] = message;
    clearTimeout(limits[handle]);
    delete limits[handle];
    if (ms) limits[handle] = setTimeout(cancel, ms, handle, "deadline");
  } else if (mail.push(message) < 2)
    setImmediate(() => {
      if (over) return;
      acquire();
      say(mail);
      for (const message of mail.splice(0)) {
        if (message.buffer) forward(Buffer.from(message.buffer));
        add(QUEUED, -message.size);
        // An open session would hold up the end.
        if (message.last) {
          session?.disconnect();
          tell(message);
        }
      }
    });
};

const start = (boot, first) => {
  [port, shared, me, lowest, lease, rate, printed, spare, first] = boot;
  openTally();
  Error.stackTraceLimit = 0;
  // A worker that has failed would not notice the end of the connection.
  proc.on("uncaughtException", die);
  add(OWNER, 1);
  while (get(OWNER) > 1) wait(1);
  feed(Buffer.from(first));
  open(
    3,
    (chunk) => {
      heard = Date.now();
      feed(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
      // An answer for a child may have been a password.
      if (chunk.length < 4096) chunk.fill(0);
    },
    end,
  );
  for (const fd in printed)
    readers.push(
      open(
        +fd,
        (chunk) => logPrinted(fd, chunk),
        () => {},
      ),
    );
  // A thread that waits in a write reads nothing, so only two late looks in a row count.
  let late = 0;
  if (lease)
    setInterval(() => {
      if (Date.now() - heard < lease) late = 0;
      else if (late++) end();
    }, lease / 6);
  listen(port, receive);
};

if (isBun) onmessage = ({ data }) => start(data);
else load("worker_threads").parentPort.once("message", start);
