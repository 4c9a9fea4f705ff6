/**
 * One run of the command line against its targets: broker, logs, signals, the one deadline, and the end. What is done with a
 * context is the command's business.
 *
 * It ends when all targets are done; on SIGINT, SIGTERM or SIGHUP; or when nobody reads our output any more. In each case calls are
 * cancelled over there and contexts closed within their grace time; a second signal ends us at once (the far sides notice).
 */
import { Broker, type Context, type SshOptions, TimeoutError } from "../index.ts";
import { BROKEN_PIPE, type PassSignal, Stop } from "./interruption.ts";
import {
  type Flags,
  leftOf,
  readCache,
  readConnect,
  readLogFormat,
  readLogLevel,
} from "./options.ts";
import { statusOf } from "./report-error.ts";
import { Failures } from "./ui/failures.ts";
import { Lending } from "./ui/lend-progress.ts";
import { logLines } from "./ui/log-lines.ts";
import { isBrokenPipe, stderr } from "./ui/output.ts";

/** What a command may use while it deals with one target. */
export interface Turn {
  readonly target: string;
  readonly context: Context;
  /** To spread into the options of a call: what is left of the deadline, and what cancels it. */
  limits(): { readonly deadline?: number; readonly signal: AbortSignal };
  /** Writes lines about this target to stderr, as text or as a record. */
  say(text: string): void;
}

export interface Plan {
  readonly command: string;
  readonly flags: Flags;
  readonly targets: readonly string[];
  readonly roots: readonly string[];
  /** Resolves to the exit status. */
  readonly each: (turn: Turn) => Promise<number>;
  /** Hears why a target failed. @returns whether that was told to the user; else it is told on stderr */
  readonly failed?: (target: string, error: unknown) => boolean;
  /** In place of what the flags say of it. */
  readonly ssh?: SshOptions | undefined;
  /** Gets the first signal that comes; default: it stops everything. */
  readonly pass?: PassSignal;
}

/** What a signal that is on its way takes to arrive, at most. */
const SIGNAL_MS = 50;

/** @returns the highest status of all targets, or that of what ended it */
export async function runSession(plan: Plan): Promise<number> {
  const { command, flags, targets } = plan;
  const read = readConnect(command, flags);
  const options = plan.ssh === undefined ? read : { ...read, ssh: plan.ssh };
  const { deadline } = options;
  const format = readLogFormat(command, flags);
  const lending = new Lending();
  const failures = new Failures(targets, format, () => lending.erased());
  const broker = new Broker({
    onLend: lending.show,
    roots: plan.roots,
    cache: readCache(flags),
    logLevel: readLogLevel(command, flags),
    onLog: (record) => {
      const lines = logLines(record, format, stderr.coloured);
      stderr.write(lending.erased() + lines).catch(() => {});
    },
  });
  const started = performance.now();
  const stop = new Stop(plan.pass);
  const limits = () => ({
    signal: stop.signal,
    ...(deadline === undefined ? {} : { deadline: leftOf(deadline, started) }),
  });

  const one = async (target: string): Promise<number> => {
    let context: Context | undefined;
    try {
      context = await broker.connect(target, options);
      const say = (text: string): void => failures.say(target, text);
      return await plan.each({ target, context, limits, say });
    } catch (error) {
      if (isBrokenPipe(error)) stop.now(BROKEN_PIPE);
      // Ctrl-C in a terminal reaches ssh as well, and its end may be known before our own signal is.
      if (statusOf(error) === 255) await Bun.sleep(SIGNAL_MS);
      // Whoever ended it knows why it failed.
      if (stop.signal.aborted) return statusOf(error);
      // The library names what was left of the deadline when the call was made.
      const late = error instanceof TimeoutError && error.code !== "ERR_DEADLINE_CONNECT";
      const message =
        context?.connected === true
          ? `${target}: no result within ${String(deadline)} ms; it is cancelled`
          : `${target}: no connection within ${String(deadline)} ms`;
      const problem = late ? new TimeoutError(error.code, message) : error;
      if (plan.failed?.(target, problem) !== true) await failures.tell(target, problem);
      return statusOf(error);
    }
  };
  const counted = async (target: string, at: number): Promise<number> => {
    const status = await one(target);
    if (status !== 0) failures.count(at);
    return status;
  };
  const all = Promise.all(targets.map(counted));
  const statuses = await Promise.race([all, stop.happened]);
  await broker.close();
  stop.dispose();
  if (stop.status === undefined) failures.conclude();
  const status = stop.status ?? Math.max(...(statuses ?? [0]));
  stop.conclude(status);
  return status;
}
