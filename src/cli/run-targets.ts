/**
 * One run of a command against its targets: broker, logs, signals, the deadline, and the end. What
 * is done with a context is the subject of the command.
 *
 * The run ends when all targets are done; on SIGINT, SIGTERM or SIGHUP; or when the reader of the
 * output is gone. In each case calls are cancelled and contexts closed within their grace time. A
 * second signal ends this process at once, and the slaves notice that.
 */

import type { FleetLimits, FleetResult, FleetTurn } from "../fleet/result.ts";
import {
  type Broker,
  CancelledError,
  type Context,
  describePath,
  EcontextError,
  SkippedError,
  type SshOptions,
  TimeoutError,
} from "../index.ts";
import { readConfiguration } from "./configuration.ts";
import { type Host, OutputError } from "./host.ts";
import { BROKEN_PIPE, isBrokenPipe, type PassSignal, Stop } from "./interruption.ts";
import { leftOf, readConnect, readFleet, readLogFormat } from "./option-values.ts";
import type { Flags } from "./parse-line.ts";
import { openPrompter } from "./passwords.ts";
import { statusOf, Usage } from "./report-error.ts";
import { readWay } from "./results/choose.ts";
import { Results, type TargetEnding, type TargetOutput, type Yield } from "./results/results.ts";
import { type Given, RunBroker } from "./run-broker.ts";
import { Failures } from "./ui/failures.ts";
import { quoted } from "./words.ts";

/** What a command may use while it deals with one target. */
export interface Turn {
  readonly target: string;
  readonly context: Context;
  /** Shows what the target prints and returns. */
  readonly output: TargetOutput;
  /** The only target, whose output is shown as it is. */
  readonly isAlone: boolean;
  /** Options of a call: the rest of the deadline, and the signal that cancels it. */
  limits(): { readonly deadline?: number; readonly signal: AbortSignal };
  /** Writes lines about this target to stderr, as text or as a record. */
  say(text: string): void;
  /** Writes lines to stdout as they are. */
  print(text: string): Promise<void>;
  /** The only target has answered: resolves when the status line is off the screen. */
  answered(): Promise<void>;
}

export interface Plan {
  readonly command: string;
  readonly flags: Flags;
  readonly targets: readonly string[];
  readonly roots: readonly string[];
  readonly each: (turn: Turn) => Promise<TargetEnding>;
  /** What the command gives for each target. Default: nothing but its own output. */
  readonly yields?: () => Yield;
  /** Gets the reason why a target failed. @returns whether it told the user; else stderr does */
  readonly failed?: (target: string, error: unknown) => boolean;
  /** The value of a single target is shown as it is, also as JSON: without a record around it. */
  readonly isBare?: boolean;
  /** What is sent to each target, for `--plan`. */
  readonly sends?: readonly string[];
  /** The words of the command line behind the target, for the job log. */
  readonly words?: readonly string[];
  /** Whether the work of each target waits for all others: then all run at the same time. */
  readonly isTogether?: boolean;
  /** Used in place of the options for ssh among the flags. */
  readonly ssh?: SshOptions | undefined;
  /** Gets the first signal. By default a signal stops everything. */
  readonly pass?: PassSignal;
}

/** Milliseconds that a signal on its way takes to arrive, at most. */
const SIGNAL_MS = 50;
/** Failures of ssh that no signal causes. */
const NOT_BY_SIGNAL: readonly string[] = [
  "ERR_TRANSPORT_UNREACHABLE",
  "ERR_TRANSPORT_UNKNOWN_HOST",
  "ERR_TRANSPORT_PERMISSION_DENIED",
  "ERR_TRANSPORT_HOST_KEY_CHANGED",
  "ERR_TRANSPORT_HOST_KEY_REVOKED",
  "ERR_TRANSPORT_REFUSED",
];

/** @returns the highest status of all targets, or the status of what ended the run */
export async function runSession(plan: Plan, host: Host): Promise<number> {
  const configuration = readConfiguration(host);
  if (plan.flags["plan"] === true) {
    if (plan.flags["json"] === true) {
      throw new Usage(plan.command, "--plan and --json: a plan is text; leave --json out");
    }
    const { showPlan } = await import("./results/plan.ts");
    return showPlan(plan, host, configuration);
  }
  let run: Run | undefined;
  const free = (again: () => void): (() => void) => run?.freeTerminal(again) ?? (() => {});
  const prompter = await openPrompter(plan.command, plan.flags, host, configuration, { free });
  run = new Run(plan, host, { ...configuration, prompter, kept: host.kept });
  return run.status();
}

class Run {
  readonly #plan: Plan;
  readonly #connect: ReturnType<typeof readConnect>;
  readonly #limits: FleetLimits;
  readonly #stop: Stop;
  readonly #failures: Failures;
  readonly #results: Results;
  readonly #broker: Broker;
  readonly #isAlone: boolean;
  /** Contexts by the index of their target: errors name the hop that does not answer. */
  readonly #contexts = new Map<number, Context>();
  /** Resolves when what ended the run is told. */
  #told: Promise<void> | undefined;
  /** A target was given up, or not begun, because a signal was passed to the others. */
  #isCut = false;

  /** @param given what the user has set, and what answers questions */
  constructor(plan: Plan, host: Host, given: Given) {
    const { command, flags, targets, roots, yields = () => "none" } = plan;
    this.#plan = plan;
    const { ssh, ...connect } = readConnect(command, flags);
    this.#connect = { ...connect, ssh: plan.ssh ?? ssh };
    this.#limits = readFleet(command, flags);
    const erased = (): string => this.#results.erased();
    this.#failures = new Failures(host, targets, readLogFormat(command, flags), erased);
    const opened = new RunBroker({ command, flags, roots }, given, host.stderr, erased);
    this.#broker = opened.broker;
    const way = readWay(command, flags, targets.length, plan.isBare === true);
    this.#isAlone = way === "alone";
    this.#results = new Results({
      command,
      flags,
      targets,
      host,
      way,
      yields,
      failures: this.#failures,
      pathOf: (target) => describePath(target, given),
      erased: () => opened.erased(),
      lineOf: (target) => [command, target, ...(plan.words ?? [])].map(quoted).join(" "),
    });
    this.#stop = new Stop(host, (name) => {
      // A command that has started gets the signal. A question must not hold the others up.
      given.prompter.stop();
      return plan.pass?.(name);
    });
  }

  /** Takes the status line away for a question. @returns what shows it again */
  freeTerminal(again: () => void): () => void {
    return this.#results.freeTerminal(again);
  }

  async status(): Promise<number> {
    const stop = this.#stop;
    await Promise.race([this.#all(), stop.happened]);
    await this.#broker.close();
    stop.dispose();
    await this.#told;
    await this.#results.conclude(stop.status !== undefined).catch(this.#unshown);
    const status = stop.status ?? (this.#isCut ? stop.passedStatus : this.#results.status);
    stop.conclude(status);
    return status;
  }

  async #all(): Promise<void> {
    const { each, isTogether = false } = this.#plan;
    const { targets } = this.#results;
    const { deadline, ...options } = this.#connect;
    const limits = this.#limits;
    const times =
      limits.connectDeadline === undefined ? { connectDeadline: deadline } : { deadline };
    const fleet = this.#broker.fleet(targets, {
      ...options,
      ...given(times),
      ...(isTogether ? { window: Math.max(1, targets.length) } : {}),
      ...limits,
      signal: this.#stop.signal,
      drain: this.#stop.drain,
      onEvent: (event) => this.#results.event(event),
    });
    const work = (context: Context, turn: FleetTurn): Promise<TargetEnding> =>
      each(this.#turn(context, turn));
    const isFailure = ({ status }: TargetEnding): boolean => status !== 0;
    const shown: Promise<void>[] = [];
    for await (const result of fleet.runAs(work, {}, { isFailure })) {
      shown.push(this.#conclude(result).catch(this.#unshown));
    }
    await Promise.all(shown);
  }

  #turn(context: Context, { target, index, signal }: FleetTurn): Turn {
    const isWhole = this.#limits.connectDeadline === undefined;
    const { deadline } = this.#connect;
    const started = performance.now();
    this.#contexts.set(index, context);
    return {
      target,
      context,
      isAlone: this.#isAlone,
      output: this.#results.open({ target, index }),
      limits: () => ({
        signal,
        ...(deadline === undefined || !isWhole ? {} : { deadline: leftOf(deadline, started) }),
      }),
      say: (text) => this.#failures.say(target, text),
      print: (text) => this.#results.print(text),
      answered: () => this.#results.answered(),
    };
  }

  async #conclude(result: FleetResult<TargetEnding>): Promise<void> {
    const { target, index } = result;
    const context = this.#contexts.get(index);
    this.#contexts.delete(index);
    if (result.ok) return this.#results.ended(result, undefined);
    const { error } = result;
    if (isBrokenPipe(error) || error instanceof OutputError) await this.#unshown(error);
    // Ctrl-C in a terminal reaches ssh as well, whose end may be known before the signal is.
    if (mayBeOfSignal(error)) await Bun.sleep(SIGNAL_MS);
    const problem = this.#inWords(target, context, error);
    // What the user ended needs no words. What was not begun has those of its cause.
    const isSkipped = error instanceof SkippedError;
    const isCut = this.#stop.drain.aborted && (isSkipped || error instanceof CancelledError);
    this.#isCut ||= isCut;
    const isKnown = this.#stop.signal.aborted || isSkipped || isCut;
    const isTold = isKnown || this.#plan.failed?.(target, problem) === true;
    const text = isTold ? undefined : await this.#failures.textOf(problem);
    return this.#results.ended(result, problem, text);
  }

  /** What can no longer be shown ends the run. It is told once. */
  readonly #unshown = async (error: unknown): Promise<void> => {
    if (this.#stop.status !== undefined) return;
    const isGone = isBrokenPipe(error);
    if (!isGone) this.#told = this.#failures.tell("", error);
    this.#stop.now(isGone ? BROKEN_PIPE : 1);
    await this.#told;
  };

  /** The library names the rest of the deadline; the user knows the whole. */
  #inWords(target: string, context: Context | undefined, error: unknown): unknown {
    if (!(error instanceof TimeoutError) || error.code === "ERR_DEADLINE_CONNECT") return error;
    if (this.#limits.connectDeadline !== undefined) return error;
    const ms = String(this.#connect.deadline);
    if (context?.connected === true) {
      const what = `${target}: no result within ${ms} ms; it is cancelled`;
      return new TimeoutError(error.code, `${what}\n  try: a longer --deadline, or less work`);
    }
    const { place, hop } = silentPart(target, context);
    const hint = `a longer --deadline, or econtext doctor ${target}, which tests each stage`;
    const message = `${place}: no answer within ${ms} ms\n  try: ${hint}`;
    const silence = new TimeoutError(error.code, message);
    return Object.assign(silence, { hop });
  }
}

/** Whether a signal may have ended the ssh of a target. */
function mayBeOfSignal(error: unknown): boolean {
  const code = error instanceof EcontextError ? error.code : "";
  return statusOf(error) === 255 && !NOT_BY_SIGNAL.includes(code);
}

/** @returns the options without those that are not given */
function given<T extends Readonly<Record<string, unknown>>>(options: T) {
  const pairs = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(pairs) as { readonly [K in keyof T]?: Exclude<T[K], undefined> };
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
