class Child {
  #events;
  #isDeaf;
  #process;
  #scanner;
  #isHeld;
  #isMarked = false;
  #nonce;
  #said = Buffer.alloc(0); // the tail of its error output
  #decoder = new TextDecoder();
  #upstream = new Upstream(this);
  #heard = 0; // how often something came
  #ending; // how its process ended
  #outputs = 2; // of its outputs, so many are open
  #reaper;

  constructor(id, events, argv, preamble, nonce, { hold, deaf }) {
    this.id = id;
    this.#events = events;
    this.#isDeaf = deaf;
    this.#nonce = nonce;
    this.#isHeld = hold !== undefined;
    this.#scanner = this.#isHeld ? new Scanner(hold, true) : this.#markerScanner();
    check(argv[0]);
    const [file, ...words] = prepared(argv, deaf);
    this.#process = spawn(file, words, { env, detached: !deaf });
    const { pid, stdin, stdout, stderr } = this.#process;
    this.#process.on("error", (e) => pid || this.#fail(argv[0], e));
    if (!pid) return;
    this.#process.on("exit", (...how) => this.#drain(how));
    this.down = new Downstream(stdin, preamble, this.#isHeld, (n) => this.tell("wrote", n));
    this.#listen(stdout, (chunk) => this.#hear(chunk));
    this.#listen(stderr, (chunk) => this.#complain(chunk));
  }

  tell(...event) {
    tell(this.#events, event);
  }

  /** See the operation CLOSE. */
  close(signal) {
    this.down?.end();
    if (signal) this.#process.kill(`SIG${signal}`);
    this.#reaper ??= setTimeout(() => this.#kill(), REAP_MS);
  }

  /** Hear no more of a child that has broken the protocol, by a frame that names `src`. */
  abandon(src, problem) {
    this.tell("fault", src, problem);
    this.#upstream = { push() {} };
    this.#process.stdout.destroy();
    this.close("TERM");
  }

  /** See the operation RESTART. */
  restart(id, events, preamble, nonce) {
    this.id = id;
    this.#events = events;
    this.#nonce = nonce;
    this.#isMarked = false;
    this.#scanner = this.#markerScanner();
    this.#upstream = new Upstream(this);
    this.#said = Buffer.alloc(0);
    this.down.restart(preamble);
  }

  #markerScanner() {
    return new Scanner(`econtext/1 ${this.#nonce}`, false);
  }

  /** Take what comes, a chunk a turn, so that each child has its share. */
  #listen(stream, take) {
    stream.on("data", (chunk) => {
      this.#heard++;
      take(chunk);
    });
    stream.on("error", () => {});
    stream.on("close", () => this.#closed(stream));
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
      this.#scanner = this.#markerScanner();
      this.tell("held");
      this.down.release();
    } else {
      this.#isMarked = true;
      this.#scanner = undefined;
      this.tell("marked");
    }
  }

  #complain(chunk) {
    if (this.#isMarked) this.#said = Buffer.concat([this.#said, chunk]).subarray(-TAIL);
    else this.tell("stderr", this.#decoder.decode(chunk, { stream: true }));
  }

  #closed(stream) {
    this.#outputs--;
    if (stream === this.#process.stdout) {
      const noise = this.#scanner?.end();
      if (noise) this.tell("noise", noise);
      this.tell("closed");
    }
    this.#finish();
  }

  /** The process has ended. Other processes may hold its pipes: read until these are silent. */
  #drain(how) {
    this.#ending = how;
    clearTimeout(this.#reaper);
    const heard = this.#heard;
    const look = () => {
      if (heard !== this.#heard) return this.#drain(how);
      this.#process.stdout.destroy();
      this.#process.stderr.destroy();
    };
    // This thread may have been held up for that long: what has come meanwhile is read first.
    setTimeout(() => setImmediate(look), DRAIN_MS);
    this.#finish();
  }

  #finish() {
    if (!this.#ending || this.#outputs) return;
    if (this.#said.length) this.tell("stderr", `${this.#said}`);
    this.tell("ended", ...this.#ending);
    this.#forget();
  }

  #fail(program, e) {
    this.tell("failed", problemOf(e, program));
    this.#forget();
  }

  #forget() {
    children.delete(this.id);
    for (const [id, child] of routes) if (child === this) routes.delete(id);
  }

  /** A child that is no client leads a process group of its own. */
  #kill() {
    const { pid } = this.#process;
    try {
      if (this.#isDeaf) process.kill(pid, "SIGKILL");
      else process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  }
}
