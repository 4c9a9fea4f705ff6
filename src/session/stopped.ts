/**
 * Has a JavaScript slave end when it is stopped for a whole lease. No thread of a stopped process
 * can see that its stream has ended. Its guard, a shell, cannot look either. (That of a Python
 * slave does.)
 */
import { JS_STOPPED } from "../interpreters/embedded.ts";
import type { Router } from "../mux/router.ts";
import { MASTER_ID, SWITCH, SWITCH_BIT } from "../protocol/handles.ts";

/** A slave for one short command need not start another process: so the program waits a little. */
const MAX_DELAY_MS = 100;
const LEASE_PART = 1 / 200;

/**
 * Sends the program in a moment. It goes to the thread that reads the stream, so that it runs even
 * if user code hangs.
 *
 * @param leaseMs milliseconds
 * @returns the timer
 */
export function endWhenStopped({
  router,
  id,
  leaseMs,
}: {
  readonly router: Router;
  readonly id: number;
  readonly leaseMs: number;
}): ReturnType<typeof setTimeout> {
  const text = `const LEASE_MS=${String(leaseMs)};${JS_STOPPED}`;
  const envelope = { dst: id + SWITCH_BIT, src: MASTER_ID, auth: MASTER_ID, reply: 0, flags: 0 };
  const send = (): void => {
    const message = { ...envelope, handle: SWITCH.RUN };
    const body = [new TextEncoder().encode(text)];
    router.linkOf(id)?.send(message, body, "control", { queue: id, weight: 0 });
  };
  return setTimeout(send, Math.min(MAX_DELAY_MS, leaseMs * LEASE_PART)).unref();
}
