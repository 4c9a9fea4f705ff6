/**
 * PING: a question that a slave's broker answers even when user code hangs. The only place where
 * the master writes one.
 */
import { type EcontextError, TimeoutError } from "../errors.ts";
import type { ContextLink } from "../mux/context-link.ts";
import { HANDLES } from "../protocol/handles.ts";
import { encodeValue } from "../protocol/value.ts";

/** What a ping needs to know of its context. */
type PingedLink = Pick<ContextLink, "id" | "router">;

/**
 * Sends one PING. By default its answer is taken and ignored: whatever arrives shows that the slave
 * lives.
 */
export function sendPing(
  { id, router }: PingedLink,
  onAnswer: () => void = () => {},
  onGone: (reason: EcontextError) => void = () => {},
): void {
  const reply = router.expect(id, {
    receive: () => {
      router.forget(id, reply);
      onAnswer();
    },
    dead: onGone,
  });
  router.send({ dst: id, handle: HANDLES.PING, reply }, encodeValue(null).chunks, "control");
}

/**
 * @param deadline milliseconds; a later answer is taken and ignored
 * @returns milliseconds until the answer
 * @throws {TimeoutError} `ERR_DEADLINE_PING`
 */
export function ping(link: ContextLink, deadline?: number): Promise<number> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const timer =
      deadline === undefined
        ? undefined
        : setTimeout(() => {
            const hint = `econtext doctor ${link.name}, which tests the network and the machine`;
            const message = `${link.name}: no answer within ${deadline} ms\n  try: ${hint}`;
            reject(new TimeoutError("ERR_DEADLINE_PING", message));
          }, deadline);
    const answered = (): void => {
      clearTimeout(timer);
      resolve(performance.now() - started);
    };
    sendPing(link, answered, (reason) => {
      clearTimeout(timer);
      reject(reason);
    });
  });
}
