/** Which failures of connecting may pass, and how long to wait before connecting is tried again. */
import { BootstrapError, EcontextError } from "../errors.ts";

/** Nothing of the target's own is wrong: the network, or a machine that is busy. */
const PASSING: readonly string[] = [
  "ERR_TRANSPORT_UNREACHABLE",
  "ERR_BOOTSTRAP_CUT",
  "ERR_DEADLINE_CONNECT",
  "ERR_DISCONNECT_SILENT",
  "ERR_DISCONNECT_LOST",
];
/** Codes of several causes: what the program printed tells whether the cause may pass. */
const UNCLEAR: readonly string[] = [
  "ERR_TRANSPORT_FAILED",
  "ERR_TRANSPORT_UNKNOWN_HOST",
  "ERR_BOOTSTRAP_SPAWN",
];
/**
 * A busy sshd, or one that stops (reasons 10 to 12 of SSH_MSG_DISCONNECT), a name server that did
 * not answer, and a machine that is full of processes.
 */
const PASSING_WORDS =
  /kex_exchange_identification|Connection (?:closed|reset|timed out|to \S+ closed)|Broken pipe|Received disconnect from \S+ port \d+:1[0-2]: |Temporary failure in name resolution|\bE(?:AGAIN|MFILE|NFILE|NOMEM)\b|Resource temporarily unavailable|[Tt]oo many open files/;

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/** @param error the reason why a target was never connected */
export function mayPass(error: unknown): boolean {
  if (!(error instanceof EcontextError)) return false;
  if (PASSING.includes(error.code)) return true;
  if (!UNCLEAR.includes(error.code)) return false;
  const said = error instanceof BootstrapError ? error.report.said : "";
  return PASSING_WORDS.test(`${said}\n${error.message}`);
}

/**
 * @param attempt the number of the attempt that failed, from 1
 * @param random from 0 to 1, so that many targets do not all come back at once
 * @param longest milliseconds that a pause has at most
 * @returns milliseconds: each pause is twice as long as the one before
 */
export function pauseAfter(
  attempt: number,
  random = Math.random(),
  longest = LONGEST_PAUSE_MS,
): number {
  const most = Math.min(longest, FIRST_PAUSE_MS * 2 ** (attempt - 1));
  return Math.round(most * (0.5 + random / 2));
}

/** Waits so long, or until the signal is aborted. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) return Promise.resolve();
  const timer = setTimeout(resolve, milliseconds);
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise.finally(() => clearTimeout(timer));
}
