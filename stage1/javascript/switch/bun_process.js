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

  /** @param done is called when these bytes are written, or cannot be written */
  async write(bytes, done) {
    try {
      // Each may fail at once, or later: an error that nothing waits for would end this process.
      const written = (async () => this.#sink.write(bytes))();
      const flushed = (async () => this.#sink.flush())();
      await Promise.all([written, flushed]);
    } catch {
      this.#gone?.();
    }
    done();
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
  constructor(argv, detached) {
    this.#child = Bun.spawn(argv, {
      env,
      detached,
      stdio: ["pipe", "pipe", "pipe"],
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
