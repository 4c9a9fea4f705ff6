/** Take a child out of all tables, and end the relays of what is behind it. */
const forget = (child) => {
  children.delete(child.id);
  const behind = [...routes].filter(([, one]) => one === child);
  for (const [id] of behind) routes.delete(id);
  for (const [id] of behind) sever(id);
};

/** A program that was started, and the context in it. */
class Child {
  #events;
  #process;
  #hasGroup; // it leads a process group of its own
  #scanner; // until the marker has come
  #isHeld; // the line has not come that allows to write
  #nonce;
  #said = Buffer.alloc(0); // the tail of its error output
  #decoder = new TextDecoder();
  #upstream = new Upstream(this);
  #down;
  #stdout;
  #openStreams = 0; // of its outputs
  #heard = 0; // how often something came
  #late = 0; // bytes that came after the end of its process
  #isClosing = false;
  #ending; // how its process ended
  #reaper; // a timer

  constructor(id, events, argv, preamble, nonce, options) {
    const { hold, deaf } = options;
    this.id = id;
    this.#events = events;
    this.#nonce = nonce;
    this.#isHeld = typeof hold === "string";
    this.#scanner = this.#isHeld ? new Scanner(hold, true) : this.#markerScanner();
    const { child, stdin, keyboard, outputs, ending } = started.get(id) ?? startAny(argv, options);
    started.delete(id);
    this.#process = child;
    this.#hasGroup = !deaf;
    ending.then(({ error, how }) => (error ? this.#fail(argv[0], error) : this.#drain(how)));
    if (!child.pid) return;
    if (this.#isHeld) conceal(this, true);
    const [stdout, stderr, ...screen] = outputs;
    keyboard.on("error", () => {});
    this.#stdout = stdout;
    this.#down = new Downstream(stdin, keyboard, preamble, this.#isHeld, {
      wrote: (n) => this.tell("wrote", n),
      overflowed: () => this.abandon(this.id, "it does not read what it is sent"),
    });
    this.#listen(stdout, (chunk) => this.#hear(chunk));
    for (const stream of [stderr, ...screen])
      this.#listen(stream, (chunk) => this.#complain(chunk, stream === stderr));
  }

  tell(...event) {
    tell(this.#events, event);
  }

  /** Take a frame of the master's for what is behind here. */
  add(frame) {
    this.#down?.add(frame);
  }

  /** Take a message of this hop's, a list of frames. */
  addMessage(dst, list) {
    this.#down?.addMessage(dst, list);
  }

  /** Take a message of a relay. `onWritten` is called when it is written. */
  relay(dst, list, onWritten) {
    this.#down?.relay(dst, list, onWritten);
  }

  /** The same, ahead of what waits. */
  relayFirst(list) {
    this.#down?.relayFirst(list);
  }

  /** See the operation WRITE. */
  answer(bytes) {
    this.#down?.answer(bytes);
  }

  /** See the operation CLOSE. */
  close(signal) {
    this.#isClosing = true;
    this.#down?.end(signal);
    if (signal) this.#process.kill(`SIG${signal.replace(/^SIG/, "")}`);
    this.#reaper ??= setTimeout(() => this.#kill(), REAP_MS);
  }

  /** Hear no more of a child that has broken the protocol, by a frame that names `src`. */
  abandon(src, problem) {
    this.tell("fault", src, problem);
    this.#upstream = { push() {} };
    this.#stdout.destroy();
    this.#down.end(true);
    this.close();
  }

  /** See the operation RESTART. */
  restart(id, events, preamble, nonce) {
    this.id = id;
    this.#events = events;
    this.#nonce = nonce;
    this.#scanner = this.#markerScanner();
    this.#upstream = new Upstream(this);
    this.#down?.restart(preamble);
  }

  #markerScanner() {
    return new Scanner(`econtext/1 ${this.#nonce}`, false);
  }

  #listen(stream, take) {
    this.#openStreams++;
    stream.on("data", (chunk) => {
      this.#heard++;
      if (this.#ending) this.#late += chunk.length;
      take(chunk);
      rest(stream);
    });
    stream.on("error", () => {});
    stream.on("close", () => this.#closed(stream));
    stream.removeAllListeners("readable"); // early.js has held it back
  }

  #hear(chunk) {
    let rest = chunk;
    while (this.#scanner && rest) {
      const [noise, behind] = this.#scanner.push(rest);
      if (noise) this.tell("noise", noise);
      rest = behind;
      if (behind) this.#found();
    }
    if (rest) this.#upstream.push(rest);
  }

  /** The line came that was waited for. */
  #found() {
    if (this.#isHeld) {
      this.#isHeld = false;
      conceal(this, false);
      this.#scanner = this.#markerScanner();
      this.tell("held");
      this.#down.release();
    } else {
      this.#scanner = undefined;
      this.tell("marked");
    }
  }

  #complain(chunk, isError) {
    if (this.#scanner) this.tell("stderr", this.#decoder.decode(chunk, { stream: true }));
    else if (isError) this.#said = Buffer.concat([this.#said, chunk]).subarray(-TAIL);
  }

  #closed(stream) {
    this.#openStreams--;
    if (stream === this.#stdout) {
      const noise = this.#scanner?.end();
      if (noise) this.tell("noise", noise);
      this.tell("closed");
    }
    this.#finish();
  }

  /**
   * The process has ended. Other processes may hold its pipes: read until these are silent, and no
   * more than the pipes can have held.
   */
  #drain(how) {
    this.#ending = how;
    clearTimeout(this.#reaper);
    const heard = this.#heard;
    const look = () => {
      const isSilent = heard === this.#heard;
      if (!isSilent && !this.#isClosing && this.#late < MAX_LATE) return this.#drain(how);
      for (const stream of this.#process.stdio) stream?.destroy();
    };
    // This thread may have been held up for that long: what has come meanwhile is read first.
    setTimeout(() => setImmediate(look), DRAIN_MS);
    this.#finish();
  }

  #finish() {
    if (!this.#ending || this.#openStreams) return;
    this.#down?.stop();
    if (this.#said.length) this.tell("stderr", `${this.#said}`);
    // The last event: the master forgets the handle.
    conceal(this, false);
    this.tell("ended", ...this.#ending);
    this.#forget();
  }

  #fail(program, e) {
    conceal(this, false);
    this.tell("failed", problemOf(e, program));
    this.#forget();
  }

  #forget() {
    this.#down?.stop();
    forget(this);
  }

  #kill() {
    const { pid } = this.#process;
    try {
      process.kill(this.#hasGroup ? -pid : pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  }
}
