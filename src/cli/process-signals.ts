/** Signals of this process. Apart from process-host.ts: the client of `econtext up` needs these. */
import type { HostSignals } from "./host.ts";

/** Milliseconds that a signal to this process takes to arrive, at most. */
const DYING_MS = 100;

export const PROCESS_SIGNALS: HostSignals = {
  on: (name, listener) => void process.on(name, listener),
  off: (name, listener) => void process.off(name, listener),
  stop: () => void process.kill(process.pid, "SIGSTOP"),
  die: async (name) => {
    process.removeAllListeners(name);
    process.kill(process.pid, name);
    await Bun.sleep(DYING_MS);
  },
  exit: (status) => process.exit(status),
};
