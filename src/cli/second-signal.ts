/**
 * A loop of a user's code in this process keeps signals from being heard. The first one waits until
 * the loop ends; the second one ends the process, by the system.
 */
import { constants } from "node:os";
import { defaultAfterNext } from "../io/libc.ts";

const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export function endAtSecondSignal(): void {
  for (const name of ENDING) {
    const arm = (): void => defaultAfterNext(constants.signals[name]);
    // One that was heard does not count: what it means is for those who listen.
    process.on(name, arm);
    arm();
  }
}
