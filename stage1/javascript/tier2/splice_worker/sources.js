// Part of econtext.splice_worker: from a command to the stream.
/** Take the credit for a frame. @returns what stands in it before its `size` bytes */
const frontOf = (source, size) => {
  const head = headOf(size);
  const cost = head.length + size + OVERHEAD;
  source.credit -= cost;
  source.used += cost;
  return Buffer.concat([headerOf(0, me, source.handle, head.length + size), head]);
};

const drop = (number) => {
  bun.close(sources.get(number).fd);
  sources.delete(number);
};

/**
 * Let the main thread read it again. That is told how much credit was used: more may be on its way.
 */
const giveBack = (source) => {
  drop(source.report);
  report(source.report, source.used);
};

// -- Turns
let isDue = false; // a turn
const wake = () => {
  if (!isDue) setImmediate(turn);
  isDue = true;
};

const turn = () => {
  isDue = false;
  bun.begin();
  let isBusy = false;
  const until = performance.now() + bun.turnMs();
  for (let isOpen = true; isOpen && performance.now() < until; ) {
    const flowing = [...sources.values()].filter(({ credit }) => credit > 0);
    let isMuch = bun.spliceIn() > 0;
    if (isMuch || flowing.length) isBusy = true;
    for (const source of flowing) isMuch = bun.spliceOut(source) || isMuch;
    isOpen = bun.isOurs() || flowing.length > 0;
    if (isMuch || !isOpen) continue;
    if (flowing.length) nap();
    else bun.rest();
  }
  if (isBusy) wake();
};
