/**
 * econtext.console: console, process.stdout, process.stderr, and the ends of the process (`exit`,
 * `abort`, `kill`) for user code.
 *
 * Second tier: comes with the first module of the user's. Console methods become log records of the
 * logger `console` and keep their level. The two streams write at once and wait when the pipe is
 * full, so that nothing is lost when the process ends. Twin: logs.py.
 */
const { writeSync } = require("fs");

/** The methods of a Console, in every runtime. */
const METHODS =
  "assert clear count countReset debug dir dirxml error group groupCollapsed groupEnd info log table time timeEnd timeLog trace warn";
const LEVELS = { debug: 10, warn: 30, assert: 30, error: 40, trace: 40 };
const QUEUED = 2; // the word with the bytes that the worker has not written yet
const pause = new Int32Array(new SharedArrayBuffer(4));

/** Make a value when it is first used: to load `stream` and Console takes a Bun 5 ms. */
const once = (make) => {
  let made;
  return () => (made ??= make());
};

let level = 20;
const own = once(() => {
  const sink = new (require("stream").Writable)({
    decodeStrings: false,
    write(text, _encoding, done) {
      core.record(level, "console", String(text).replace(/\n$/, ""));
      done();
    },
  });
  return new console.Console({ stdout: sink, stderr: sink });
});
for (const name of METHODS.split(" "))
  console[name] = (...values) => {
    level = LEVELS[name] ?? 20;
    // What it prints is written by the time that it returns.
    own()[name](...values);
  };

console.trace = (...values) => {
  const stack = new Error().stack.split("\n").slice(process.versions.bun ? 1 : 2);
  const title = require("util").format(...values);
  core.record(40, "console", [`Trace: ${title}`, ...stack].join("\n"));
};

const streamTo = (fd) => {
  const stream = new (require("stream").Writable)({
    write(bytes, _encoding, done) {
      // What was logged before is on its way by the worker, this is not: it must not overtake.
      for (let n = 99; n-- && core.get(QUEUED); ) Atomics.wait(pause, 0, 0, 0.05);
      for (let at = 0; at < bytes.length; )
        try {
          at += writeSync(fd, bytes, at);
        } catch (e) {
          // A child that shares the pipe may have made it non-blocking.
          if (e.code !== "EAGAIN") return done(e);
          Atomics.wait(pause, 0, 0, 1);
        }
      done();
    },
  });
  stream.on("error", () => {});
  return Object.assign(stream, { fd });
};

for (const [name, fd] of [
  ["stdout", 1],
  ["stderr", 2],
]) {
  // Otherwise a Bun would make its own stream first, for the property that is to be replaced.
  Reflect.set(process, name, undefined);
  Object.defineProperty(process, name, {
    get: once(() => streamTo(fd)),
    configurable: true,
    enumerable: true,
  });
}

/** Wait until all that was printed is sent. A worker that does not answer is not waited for. */
const flush = () => {
  core.post({}, 1);
  for (let n = 999; n-- && core.get(QUEUED); ) Atomics.wait(pause, 0, 0, 1);
};

// Code that ends the process by itself: what the worker has read by then would be lost.
const { abort, kill } = process;
process.abort = () => {
  flush();
  abort.call(process);
};
process.kill = (pid, signal) => {
  if (pid === process.pid && signal !== 0) flush();
  return kill.call(process, pid, signal);
};

/** As sys.exit in Python: it fails the call, and ends nothing. */
process.exit = process.reallyExit = (code) => {
  throw Object.assign(new Error(code ?? process.exitCode ?? 0), { name: "Exit" });
};
