/**
 * Third program: TCP connections. It comes before the first CONNECT: few hops need it. The master
 * has this hop connect to a server, and speaks with the server itself. Frames for the connection's
 * id have bytes for the server; what the server sends goes to a handle of the master's.
 *
 * Twin: stage1/python/switch/connection.py.
 */
// The first nine are those of common.js; switch.js adds the last one.
const [, load, , acquire, frames, , write, , , secondProgram] = core;
const { OPERATIONS, Reporter, children, routes, tell, forget, rest, giveBack } = secondProgram;

// common.js has the same CONNECT and HEADER, state.js the same REAP_MS.
const CONNECT = 15;
const HEADER = 24;
const REAP_MS = 3000;

/**
 * Bun says ECONNREFUSED where there is no descriptor for the socket. Return the system's error if
 * this process can open no further file. Twin: src/embedded-ssh/socket.ts.
 */
function shortage() {
  const { closeSync, openSync } = load("fs");
  try {
    closeSync(openSync("/dev/null"));
  } catch (error) {
    return error;
  }
}

class Connection {
  #events;
  #handle; // of the master
  #socket;
  #reporter;
  #waiting = []; // frames that came before the connection was there
  #isOver = false;

  constructor(id, events, handle, host, port) {
    this.id = id;
    this.#events = events;
    this.#handle = handle;
    this.#reporter = new Reporter((n) => tell(events, ["wrote", n]));
    load("dns").lookup(host, { all: true, verbatim: true }, (error, addresses) => {
      try {
        if (error) this.#finish(error);
        else this.#dial(addresses, port);
      } catch (e) {
        this.#finish(e); // the port is no port
      }
    });
  }

  /** Try the addresses in turn. The last one says why there is no connection. */
  #dial([{ address }, ...others], port) {
    if (this.#isOver) return;
    const socket = load("net").connect({ host: address, port, noDelay: true, keepAlive: true });
    let problem;
    this.#socket = socket;
    socket.on("error", (error) => (problem = shortage() ?? error));
    socket.on("connect", () => this.#begin());
    socket.on("close", () => {
      if (problem && this.#waiting && others.length) this.#dial(others, port);
      else this.#finish(this.#waiting && problem);
    });
    socket.on("data", (chunk) => {
      acquire();
      write(Buffer.concat(frames(this.#handle, chunk)));
      rest(socket);
    });
  }

  #begin() {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    tell(this.#events, ["connected"]);
    for (const frame of waiting) this.add(frame);
  }

  /** Take a frame of the master's. */
  add(frame) {
    if (this.#isOver) return;
    if (this.#waiting) this.#waiting.push(frame);
    else
      this.#socket.write(frame.subarray(HEADER), () => {
        if (!this.#isOver) this.#reporter.add(frame.length);
        giveBack(frame);
      });
  }

  /** See the operation CLOSE. Without a signal, what waits is written before. */
  close(signal) {
    if (signal || !this.#socket || this.#waiting) {
      this.#socket?.destroy();
      this.#finish();
    } else {
      this.#socket.end(() => this.#socket.destroy());
      setTimeout(() => this.#socket.destroy(), REAP_MS);
    }
  }

  /** The last event: the master forgets the handle. */
  #finish(error) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reporter.report();
    tell(this.#events, error ? ["failed", error.code ?? error.message] : ["ended", null, null]);
    forget(this);
  }
}

OPERATIONS[CONNECT] = (events, id, handle, host, port) => {
  if (routes.has(id)) throw new Error(`context ${id} is there already`);
  const connection = new Connection(id, events, handle, host, port);
  children.set(id, connection);
  routes.set(id, connection);
};
