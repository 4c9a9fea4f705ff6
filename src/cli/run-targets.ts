/**
 * One run of a command against its targets: broker, logs, signals, the deadline, and the end. What
 * is done with a context is the subject of the command.
 *
 * The run ends when all targets are done; on SIGINT, SIGTERM or SIGHUP; or when the reader of the
 * output is gone. In each case calls are cancelled and contexts closed within their grace time. A
 * second signal ends this process at once, and the slaves notice that.
 */

import type { FleetResult, FleetTurn } from "../fleet/result.ts";
import { Broker, type Context, type SshOptions, TimeoutError } from "../index.ts";
import type { Prompter } from "../prompts/prompter.ts";
import { type HostConfiguration, readConfiguration } from "./configuration.ts";
import type { Host } from "./host.ts";
import { BROKEN_PIPE, isBrokenPipe, type PassSignal, Stop } from "./interruption.ts";
import { leftOf, readCache, readConnect, readLogFormat, readLogLevel } from "./option-values.ts";
import type { Flags } from "./parse-line.ts";
import { openPrompter } from "./passwords.ts";
import { statusOf } from "./report-error.ts";
import { Failures } from "./ui/failures.ts";
import { Lending } from "./ui/lend-progress.ts";
import { logLines } from "./ui/log-lines.ts";

/** What a command may use while it deals with one target. */
export interface Turn {
  readonly target: string;
  readonly context: Context;
  /** Options of a call: the rest of the deadline, and the signal that cancels it. */
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
  /** Gets the reason why a target failed. @returns whether it told the user; else stderr does */
  readonly failed?: (target: string, error: unknown) => boolean;
  /** Whether the work of each target waits for all others: then all run at the same time. */
  readonly isTogether?: boolean;
  /** Used in place of the options for ssh among the flags. */
  readonly ssh?: SshOptions | undefined;
  /** Gets the first signal. By default a signal stops everything. */
  readonly pass?: PassSignal;
}

/** Milliseconds that a signal on its way takes to arrive, at most. */
const SIGNAL_MS = 50;

/** @returns the highest status of all targets, or the status of what ended the run */
export async function runSession(plan: Plan, host: Host): Promise<number> {
  const configuration = readConfiguration(host);
  const prompter = await openPrompter(plan.command, plan.flags, host, configuration);
  const run = new Run(plan, host, { ...configuration, prompter });
  return run.status();
}

class Run {
  readonly #plan: Plan;
  readonly #connect: ReturnType<typeof readConnect>;
  readonly #stop: Stop;
  readonly #failures: Failures;
  readonly #broker: Broker;
  /** Contexts by the index of their target: errors name the hop that does not answer. */
  readonly #contexts = new Map<number, Context>();

  /** @param given what the user has set, and what answers questions */
  constructor(plan: Plan, host: Host, given: HostConfiguration & { readonly prompter: Prompter }) {
    const { command, flags, targets, roots } = plan;
    this.#plan = plan;
    const { ssh, ...connect } = readConnect(command, flags);
    this.#connect = { ...connect, ssh: plan.ssh ?? ssh };
    const format = readLogFormat(command, flags);
    const { stderr } = host;
    const lending = new Lending(stderr);
    this.#failures = new Failures(host, targets, format, () => lending.erased());
    this.#broker = new Broker({
      ...given,
      onLend: lending.show,
      roots,
      cache: readCache(flags),
      logLevel: readLogLevel(command, flags),
      onLog: (record) => {
        const lines = logLines(record, format, stderr.coloured);
        stderr.write(lending.erased() + lines).catch(() => {});
      },
    });
    this.#stop = new Stop(host, (name) => {
      // A command that has started gets the signal. A question must not hold the others up.
      given.prompter.stop();
      return plan.pass?.(name);
    });
  }

  async status(): Promise<number> {
    const stop = this.#stop;
    const statuses = await Promise.race([this.#all(), stop.happened]);
    await this.#broker.close();
    stop.dispose();
    if (stop.status === undefined) this.#failures.conclude();
    const status = stop.status ?? Math.max(...(statuses ?? [0]));
    stop.conclude(status);
    return status;
  }

  async #all(): Promise<number[]> {
    const statuses: Promise<number>[] = [];
    const { targets, each, isTogether = false } = this.#plan;
    const { deadline, ...options } = this.#connect;
    const fleet = this.#broker.fleet(targets, {
      ...options,
      ...(deadline === undefined ? {} : { connectDeadline: deadline }),
      ...(isTogether ? { window: Math.max(1, targets.length) } : {}),
      signal: this.#stop.signal,
    });
    const work = (context: Context, turn: FleetTurn): Promise<number> =>
      each(this.#turn(context, turn));
    const isFailure = (status: number): boolean => status !== 0;
    for await (const result of fleet.runAs(work, {}, { isFailure })) {
      statuses.push(this.#conclude(result));
    }
    return Promise.all(statuses);
  }

  #turn(context: Context, { target, index, signal }: FleetTurn): Turn {
    const { deadline } = this.#connect;
    const started = performance.now();
    this.#contexts.set(index, context);
    return {
      target,
      context,
      limits: () => ({
        signal,
        ...(deadline === undefined ? {} : { deadline: leftOf(deadline, started) }),
      }),
      say: (text) => this.#failures.say(target, text),
    };
  }

  async #conclude(result: FleetResult<number>): Promise<number> {
    const { target, index } = result;
    const context = this.#contexts.get(index);
    this.#contexts.delete(index);
    const status = result.ok ? result.value : statusOf(result.error);
    if (!result.ok) await this.#tell(target, context, result.error);
    if (status !== 0) this.#failures.count(index);
    return status;
  }

  async #tell(target: string, context: Context | undefined, error: unknown): Promise<void> {
    if (isBrokenPipe(error)) this.#stop.now(BROKEN_PIPE);
    // Ctrl-C in a terminal reaches ssh as well, whose end may be known before the signal is.
    if (statusOf(error) === 255) await Bun.sleep(SIGNAL_MS);
    // The user ended it, and knows why it failed.
    if (this.#stop.signal.aborted) return;
    const problem = this.#inWords(target, context, error);
    if (this.#plan.failed?.(target, problem) !== true) await this.#failures.tell(target, problem);
  }

  /** The library names the rest of the deadline; the user knows the whole. */
  #inWords(target: string, context: Context | undefined, error: unknown): unknown {
    if (!(error instanceof TimeoutError) || error.code === "ERR_DEADLINE_CONNECT") return error;
    const ms = String(this.#connect.deadline);
    if (context?.connected === true) {
      const message = `${target}: no result within ${ms} ms; it is cancelled`;
      return new TimeoutError(error.code, message);
    }
    const { place, hop } = silentPart(target, context);
    const silence = new TimeoutError(error.code, `${place}: no answer within ${ms} ms`);
    return Object.assign(silence, { hop });
  }
}

/** @returns the first context on the way that is silent: its path, and how errors name it */
function silentPart(
  target: string,
  context: Context | undefined,
): { readonly hop: string; readonly place: string } {
  if (context === undefined) return { hop: target, place: target };
  const { via, name } = context;
  if (via?.connected === false) return silentPart(via.name, via);
  const isBehind = via !== undefined && name.startsWith(`${via.name}/`);
  const place = isBehind ? `${via.name}: ${name.slice(via.name.length + 1)}` : target;
  return { hop: name, place };
}
