/**
 * Has the second signal end this process where a loop of a user's code lets no listener run. The
 * first one waits until the loop ends. One that was heard does not count.
 */
import { constants } from "node:os";
import { ENDING } from "../io/ending-signals.ts";
import { defaultAfterNext } from "../io/libc.ts";

export function endAtSecondSignal(): void {
  for (const name of ENDING) {
    let arm = (): void => {};
    process.on(name, () => arm());
    arm = defaultAfterNext(constants.signals[name]);
  }
}
