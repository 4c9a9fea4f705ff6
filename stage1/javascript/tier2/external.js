/**
 * econtext.external: what a function sees that was called with `withContext`.
 *
 * Second tier. Twin: external.py.
 */
exports.context = (call) => {
  call.controller = new AbortController();
  return {
    id: core.me,
    name: core.name,
    /** Aborted when the call is cancelled, its deadline has passed, or the connection is over. */
    signal: call.controller.signal,
    broker: {
      /** End this context when the calls that are queued are done. */
      end: () => core.close(),
    },
  };
};

const DOOMED = 4; // the word with the reply-to of a call that was interrupted
const run = (code) => require("vm").runInThisContext(code, { breakOnSigint: true });
let doomed = 0;

/** Call it so that SIGINT ends it, whatever it does. For Bun: Node.js has another way. */
exports.interruptible = (fn) => {
  // An interrupt that comes just when its script ends stays in Bun's SigintWatcher, which then ends
  // a later one with it (one in six did, and a short script in between does not help). One more
  // interrupt takes it away, and ends the script that it is sent from.
  if (doomed !== core.get(DOOMED)) {
    doomed = core.get(DOOMED);
    try {
      run(
        "process.kill(process.pid, 'SIGINT'); for (const t = Date.now() + 1e3; Date.now() < t; );",
      );
    } catch {}
  }
  // A script knows globals alone; this one takes its own away before it runs.
  Object.defineProperty(globalThis, "", { value: fn, configurable: true });
  return run("{const fn=globalThis[''];delete globalThis[''];fn()}");
};
