/** A question to a slave's broker, which answers even when user code hangs there. */
import { TimeoutError } from "../errors.ts";
import type { Router } from "../mux/router.ts";
import { HANDLES } from "../protocol/handles.ts";
import { encodeValue } from "../protocol/value.ts";

interface Pinged {
  readonly id: number;
  readonly name: string;
}

/**
 * @param deadline milliseconds
 * @returns milliseconds until the answer. @throws {TimeoutError} `ERR_DEADLINE_PING`
 */
export function ping(router: Router, { id, name }: Pinged, deadline?: number): Promise<number> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const reply = router.expect(id, {
      receive: () => {
        router.forget(id, reply);
        clearTimeout(timer);
        resolve(performance.now() - started);
      },
      dead: (reason) => {
        clearTimeout(timer);
        reject(reason);
      },
    });
    if (deadline !== undefined) {
      // The handle stays, for an answer that comes late.
      timer = setTimeout(() => {
        const message = `${name}: no answer within ${deadline} ms`;
        reject(new TimeoutError("ERR_DEADLINE_PING", message));
      }, deadline);
    }
    router.send({ dst: id, handle: HANDLES.PING, reply }, encodeValue(null).chunks, "control");
  });
}
