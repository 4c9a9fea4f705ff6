/**
 * TargetRun: the work on one target: connecting, again after a failure that may pass, the work
 * itself within its deadline, and the end of the context.
 */
import { type CallLimits, LATE_HINT } from "../calls/options.ts";
import type { ConnectOptions } from "../context/connect-options.ts";
import type { Context } from "../context/context.ts";
import { CancelledError, TimeoutError } from "../errors.ts";
import type { FleetEvent, FleetPlace, FleetResult, FleetWork } from "./result.ts";
import { mayPass, pause, pauseAfter } from "./retry.ts";
import type { Job } from "./schedule.ts";

/** Opens contexts. @param limits gives the limits of each call that sets none of its own */
export type OpenContext = (
  target: string,
  options: ConnectOptions,
  limits: () => CallLimits,
) => Promise<Context>;

export interface TargetRunSettings<T> {
  readonly open: OpenContext;
  readonly connect: ConnectOptions;
  readonly work: FleetWork<T>;
  readonly retries: number;
  /** Milliseconds for the work. */
  readonly deadline: number | undefined;
  readonly onEvent: ((event: FleetEvent) => void) | undefined;
}

/** How one attempt ended. */
type Outcome<T> = { readonly value: T } | { readonly error: unknown; readonly hop?: string };

export class TargetRun<T> implements Job<FleetResult<T>> {
  readonly result: Promise<FleetResult<T>>;
  readonly closed: Promise<void>;
  readonly #place: FleetPlace;
  readonly #settings: TargetRunSettings<T>;
  readonly #controller = new AbortController();
  readonly #startedAt = Date.now();
  readonly #started = performance.now();
  #attempts = 0;
  #attemptStarted = 0;
  /** When the target answered; undefined before. */
  #opened: number | undefined;
  #context: Context | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isWorking = false;

  constructor(place: FleetPlace, settings: TargetRunSettings<T>) {
    this.#place = place;
    this.#settings = settings;
    this.result = this.#run();
    this.closed = this.result.then(() => this.#close());
  }

  stop(reason: Error, isWorkKept: boolean): void {
    if (isWorkKept && this.#opened !== undefined) return;
    const message = `${this.#place.target}: cancelled: ${reason.message}`;
    this.#controller.abort(new CancelledError("ERR_CANCELLED", message, { cause: reason }));
  }

  async #run(): Promise<FleetResult<T>> {
    const { retries } = this.#settings;
    for (;;) {
      const outcome = await this.#attempt();
      const isLast = "value" in outcome || this.#opened !== undefined || this.#attempts > retries;
      if (isLast || this.#controller.signal.aborted || !mayPass(outcome.error)) {
        return this.#conclude(outcome);
      }
      this.#tell("retrying", outcome.error);
      await this.#close();
      await pause(pauseAfter(this.#attempts), this.#controller.signal);
    }
  }

  /** Connects once, and does the work. The work's first use of the context tells a failure. */
  async #attempt(): Promise<Outcome<T>> {
    const { open, connect, work } = this.#settings;
    const { target } = this.#place;
    const { signal } = this.#controller;
    this.#attemptStarted = performance.now();
    const attempt = ++this.#attempts;
    if (attempt === 1) this.#tell("connecting");
    const stopped = Promise.withResolvers<never>();
    stopped.promise.catch(() => {});
    const onAbort = (): void => stopped.reject(signal.reason);
    signal.addEventListener("abort", onAbort);
    this.#isWorking = true;
    try {
      const context = await open(target, connect, () => ({ signal }));
      this.#context = context;
      signal.throwIfAborted();
      void context.opened().then(() => this.#look());
      const done = (async () => work(context, { ...this.#place, attempt, signal }))();
      return { value: await Promise.race([done, stopped.promise]) };
    } catch (error) {
      const hop = failedHop(this.#context);
      return hop === undefined ? { error } : { error, hop };
    } finally {
      signal.removeEventListener("abort", onAbort);
      // The answer and the first result may have come together.
      this.#look();
      this.#isWorking = false;
      clearTimeout(this.#timer);
    }
  }

  /** If the target has answered, the deadline of the work counts from now on. */
  #look(): void {
    if (!this.#isWorking || this.#opened !== undefined || this.#context?.connected !== true) return;
    this.#opened = performance.now();
    this.#tell("running");
    const { deadline } = this.#settings;
    if (deadline === undefined) return;
    const what = `${this.#place.target}: no result within ${deadline} ms; it is cancelled`;
    const message = `${what}\n  try: ${LATE_HINT}`;
    const late = (): void => this.#controller.abort(new TimeoutError("ERR_DEADLINE_CALL", message));
    this.#timer = setTimeout(late, deadline);
  }

  #conclude(outcome: Outcome<T>): FleetResult<T> {
    const now = performance.now();
    const times = {
      startedAt: this.#startedAt,
      ...(this.#opened !== undefined && {
        connectMs: this.#opened - this.#attemptStarted,
        workMs: now - this.#opened,
      }),
      totalMs: now - this.#started,
    };
    const record = { ...this.#place, attempts: this.#attempts, times };
    if ("value" in outcome) {
      this.#tell("done");
      return { ...record, ok: true, ...outcome };
    }
    this.#tell("failed", outcome.error);
    return { ...record, ok: false, ...outcome };
  }

  async #close(): Promise<void> {
    const context = this.#context;
    this.#context = undefined;
    await context?.close();
  }

  #tell(type: FleetEvent["type"], error?: unknown): void {
    const event = { type, ...this.#place };
    this.#settings.onEvent?.(error === undefined ? event : { ...event, error });
  }
}

/** @returns the first hop on the way to a context that has failed, or never answered */
function failedHop(context: Context | undefined): string | undefined {
  const hops: Context[] = [];
  for (let hop = context?.via; hop !== undefined; hop = hop.via) hops.unshift(hop);
  return hops.find((hop) => hop.failure !== undefined || !hop.connected)?.name;
}
