// Part of econtext.splice_worker: what the main thread asks for, in splice.js.
divert((...theirs) => {
  [feed, state] = theirs;
  return take;
});

globalThis.splicer = {
  sink(handle, fd, number, credits) {
    sinks.set(handle, { handle, fd, credits, passed: 0, written: -1, taken: 0, failed: 0 });
    const [frame, got] = state();
    if (got >= HEADER) sinkOf(frame, 0);
    report(number);
  },
  /** All that was passed on is written, up to the frame of that number. */
  idle(handle, written) {
    const sink = sinks.get(handle);
    if (sink) sink.written = written;
  },
  unsink(handle) {
    const sink = sinks.get(handle);
    if (body?.sink === sink) giveUp();
    sinks.delete(handle);
    fs.closeSync(sink.fd);
  },
  source(handle, fd, number, credit) {
    sources.set(number, { handle, fd, report: number, credit, used: 0, idle: 0 });
    wake();
  },
  credit(number, bytes) {
    const source = sources.get(number);
    if (!source) return;
    source.credit += bytes;
    wake();
  },
  unsource(number) {
    if (!sources.has(number)) return;
    drop(number);
    report(number);
  },
};
report(STARTED);
