// Part of econtext.splice_worker: the turns in which bytes are moved.
// After so long, the event loop has its turn. It reads the credit for what commands print.
const TURN_MS = 3;
const LONG_TURN_MS = 10; // no command prints
const WAIT_MS = 1;
let isDue = false; // a turn
const wake = () => {
  if (!isDue) setImmediate(turn);
  isDue = true;
};

const turn = () => {
  isDue = false;
  drain();
  let isBusy = false;
  const until = performance.now() + (sources.size ? TURN_MS : LONG_TURN_MS);
  for (let isOpen = true; isOpen && performance.now() < until; ) {
    const flowing = [...sources.values()].filter(({ credit }) => credit > 0);
    let isMuch = spliceIn() > 0;
    if (isMuch || flowing.length) isBusy = true;
    for (const source of flowing) isMuch = spliceOut(source) || isMuch;
    isOpen = isOurs() || flowing.length > 0;
    if (isMuch || !isOpen) continue;
    if (flowing.length) nap();
    else wait(STREAM_IN, POLLIN, WAIT_MS);
  }
  if (isBusy) wake();
};
