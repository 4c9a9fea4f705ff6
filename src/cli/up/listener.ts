/** Who listens at the socket of `econtext up`, and how it has answered. */
import { closeNow, connectTo, peerOf } from "../../io/quick-calls.ts";
import { PATIENCE_S } from "../../up/greeting.ts";

export type Served =
  | { readonly status: number }
  /** It does not run the command, and has consumed nothing. */
  | { readonly refused: string };

export const NOT_OURS: Served = { refused: "another user listens at the socket" };

/** @param fd a connection to it */
export function silentProcess(fd: number): Served {
  const who = `the process that keeps connections (pid ${peerOf(fd)?.pid ?? "unknown"})`;
  return { refused: `${who} does not answer; end it, and run econtext up again` };
}

/** Whether a process listens there. */
export function hasListener(path: string): boolean {
  const fd = connectTo(path, PATIENCE_S) ?? -1;
  if (fd !== -1) closeNow(fd);
  return fd !== -1;
}
