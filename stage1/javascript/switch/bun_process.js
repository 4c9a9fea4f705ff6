/**
 * Bun's own processes, as much like those of child_process as is needed here. Bun takes 10 ms to
 * load that module and the streams of its first process, while the program could boot.
 */
class BunSink {
  #sink;
  #gone; // called when the program does not read any more

  constructor(sink) {
    this.#sink = sink;
  }

  on(event, act) {
    if (event === "close") this.#gone = act;
  }

  /** @param done is called when these bytes are written, or cannot be written; maybe at once */
  write(bytes, done) {
    // Each gives a number, or a promise if the socket is full. Each may throw, too.
    const results = [() => this.#sink.write(bytes), () => this.#sink.flush()].map((act) => {
      try {
        return act();
      } catch (e) {
        return Promise.reject(e);
      }
    });
    const hasWritten = results.every((result) => typeof result === "number");
    if (hasWritten) done();
    else
      Promise.all(results)
        .catch(() => this.#gone?.())
        .then(done);
  }

  async end() {
    try {
      await this.#sink.end();
    } catch {
      // The program is gone.
    }
  }

  destroy() {
    this.end();
  }
}

class BunSource {
  #reader;
  #take;
  #closed;
  #pause; // resolved when reading goes on

  constructor(stream) {
    this.#reader = stream.getReader();
  }

  on(event, act) {
    if (event === "data") this.#take = act;
    if (event !== "close") return;
    this.#closed = act;
    this.#read();
  }

  async #read() {
    try {
      for (;;) {
        await this.#pause?.promise;
        const { value, done } = await this.#reader.read();
        if (done) break;
        this.#take(Buffer.from(value.buffer, value.byteOffset, value.length));
      }
    } catch {
      // It was destroyed.
    }
    this.#closed();
  }

  removeAllListeners() {}

  pause() {
    this.#pause ??= Promise.withResolvers();
  }

  resume() {
    this.#pause?.resolve();
    this.#pause = undefined;
  }

  destroy() {
    this.#reader.cancel().catch(() => {});
    this.resume();
  }
}

class BunProcess {
  #child;
  #exited;

  /** @throws the system's error */
  constructor(argv, options) {
    this.#child = Bun.spawn(argv, {
      ...options,
      onExit: ({ exitCode, signalCode }) => this.#exited(exitCode, signalCode),
    });
    const { pid, stdin, stdout, stderr } = this.#child;
    this.pid = pid;
    this.stdio = [new BunSink(stdin), new BunSource(stdout), new BunSource(stderr)];
  }

  on(event, act) {
    if (event === "exit") this.#exited = act;
  }

  kill(signal) {
    this.#child.kill(signal);
  }
}
