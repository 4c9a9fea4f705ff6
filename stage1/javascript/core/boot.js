/**
 * The JavaScript core, 3 of 4: how the main thread starts, and how the process ends.
 *
 * Until there is a call, the main thread reads the connection itself: that is faster than to wait
 * for the worker, and without user code there is nothing to keep control of.
 */
// -- The end
const exit = proc.reallyExit.bind(proc);

/** Read what the system knows of a process: its state, parent, process group … */
const about = (pid) => ("" + fs.readFileSync(`/proc/${pid}/stat`)).split(") ").pop().split(" ");

/**
 * Whether the process group holds more than this process and its ancestors, which wait for it:
 * then the guard has work to do.
 */
const others = () => {
  try {
    const group = {};
    const ours = about("self")[2];
    for (const pid of fs.readdirSync("/proc"))
      if (pid > 0)
        try {
          const [state, parent, pgrp] = about(pid);
          if (ours === pgrp && state !== "Z") group[pid] = parent;
        } catch {}
    for (let { pid } = proc, next; (next = group[pid]); pid = next) delete group[pid];
    return Object.keys(group)[0];
  } catch {
    return 1;
  }
};

// -- Boot
const head = R(24);
let nonce, name, argv0;
[, nonce, name, argv0, lowest, lease, rate] = JSON.parse(R(head.readUInt32BE(20)));
me = head.readUInt32BE(0);

/**
 * Start the worker, unless it was started; leave the connection to it, and listen to it.
 *
 * @param first bytes of the connection that this thread has read and not served
 */
const go = (first = []) => {
  if (port) return;
  const { port1, port2 } = new MessageChannel();
  port = port1;
  const worker = isBun
    ? new Worker("data:,onmessage=e=>eval(e.data,require)")
    : new (load("worker_threads").Worker)(c, { eval: true });
  // Bun would keep a long text's compiled form on disk. It does not for a text that is evaluated.
  if (isBun) worker.postMessage(c);
  worker.postMessage([port2, shared, me, lowest, lease, rate, printed, spare, first], [port2]);
  // Not earlier: a thread that blocks in a read hears no message.
  listen(port, (message) => {
    hear(message);
    pump();
    flush();
  });
};

/** What the second tier gets, and may replace. */
const core = {
  Buffer,
  Date,
  clearTimeout,
  setTimeout,
  me,
  name,
  handlers,
  bundles,
  tier,
  ask,
  record,
  handle: () => ++nextHandle,
  close: () => (closing = 1) && pump(),
  go,
  others,
  active,
  get, // a word that the threads share
  send,
  post,
  fetch,
};

// The pipe that the shell left on 5 becomes stdout, the one on 0 stderr. Their other ends, which
// this process reads, do not block.
const reader = (fd) => fs.openSync("/proc/self/fd/" + fd, fs.constants.O_NONBLOCK);
const become = (fd, path, mode) => {
  fs.closeSync(fd);
  fs.openSync(path, mode);
};
become(1, "/proc/self/fd/5", "w");
become(2, "/proc/self/fd/0", "w");
fs.closeSync(5);
printed = { [reader(1)]: "stdout", [reader(2)]: "stderr" };
become(0, "/dev/null");
// The worker needs descriptors to read with. User code may have used up all others by then.
spare = isBun && [0, 0, 0].map(reader);
try {
  // Make `ps` show it: our arguments are in memory that Linux lets us write.
  const [start, stop] = about("self").slice(45);
  const memory = fs.openSync("/proc/self/mem", "r+");
  const shown = Buffer.alloc(stop - start);
  shown.write(argv0, 0, stop - start - 1);
  fs.writeSync(memory, shown, 0, stop - start, +start);
  fs.closeSync(memory);
} catch {}
proc.argv.push(argv0);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) proc.on(signal, () => {});

shared = new Int32Array(new SharedArrayBuffer(64));
openTally();
write(Buffer.from(`econtext/1 ${nonce}\n`));
send(
  head.readUInt32BE(16),
  encode([isBun ? "bun" : "node", isBun ?? proc.versions.node, proc.pid, proc.execPath]),
);
flush();

const next = (n) => all(Buffer.alloc(n), (at, bytes) => fs.readSync(3, bytes, at, n - at) || die());
while (!port && !calls.length) {
  const head = next(24);
  const frame = Buffer.concat([head, next(head.readUIntBE(21, 3))]);
  // A frame for another context is the worker's, which starts and carries contexts behind this one.
  if (!walk(frame, deliver)) go(frame);
  flush();
}
// Not earlier: an error before there is a worker has to end the process.
for (const event of ["unhandledRejection", "uncaughtException"])
  proc.on(event, (e) => record(40, "econtext", "uncaught: " + tier("failures").describe(e)[2]));
pump();
flush();
