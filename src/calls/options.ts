/** What is asked of a call: its function and arguments, and the limits, checked and joined. */
import { UsageError } from "../errors.ts";
import { MAX_TIMER } from "../io/timers.ts";
import type { CallSite } from "../traces/call-site.ts";
import type { Callable } from "./callee.ts";

/** When a call is given up. */
export interface CallLimits {
  /** Milliseconds from now. */
  readonly deadline?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The function sees to it that it can be cancelled: the slave need not prepare for it. */
  readonly cancelsItself?: boolean | undefined;
  /** No call follows. */
  readonly isLast?: boolean | undefined;
}

/** Options of one call. */
export interface CallOptions {
  /** Milliseconds from now until the call is given up, here and on the remote side. */
  readonly deadline?: number;
  /** Cancels the call, here and on the remote side. */
  readonly signal?: AbortSignal;
  /** The function's first parameter is the slave's own ExternalContext. */
  readonly withContext?: boolean;
}

/** One call, as it is asked for. */
export interface CallRequest {
  readonly fn: Callable;
  readonly args: readonly unknown[];
  readonly options?: CallOptions | CallLimits;
  /** Modules of the second tier that the function is in, if it is econtext's own. */
  readonly tier?: readonly string[];
  /** Where the user's program made the call. */
  readonly site?: CallSite;
}

/** What to do after a deadline of a call has passed. */
export const LATE_HINT = "a longer deadline, or less work in one call";

/** @throws {UsageError} `ERR_USAGE_DEADLINE`: no timer can wait that long */
export function checkMilliseconds(what: string, value: number | undefined): void {
  if (value === undefined || (value >= 0 && value <= MAX_TIMER)) return;
  const problem = `${what}: not a time in milliseconds: ${value}`;
  const hint = `milliseconds from now, 0 to ${MAX_TIMER}`;
  throw new UsageError("ERR_USAGE_DEADLINE", `${problem}\n  try: ${hint}`);
}

/**
 * Adds the default limits of a context to those of one call. The call's own deadline takes
 * precedence; either signal cancels the call.
 *
 * @param own is left as it is
 */
export function withDefaults<T extends CallLimits>(own: T, defaults: CallLimits | undefined): T {
  if (defaults === undefined) return own;
  const deadline = own.deadline ?? defaults.deadline;
  const signal = eitherSignal(own.signal, defaults.signal);
  return {
    ...own,
    ...(deadline === undefined ? {} : { deadline }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** @returns a signal that is aborted when the first of both is */
export function eitherSignal(
  a: AbortSignal | undefined,
  b: AbortSignal | undefined,
): AbortSignal | undefined {
  if (a === undefined || b === undefined || a === b) return a ?? b;
  return AbortSignal.any([a, b]);
}
