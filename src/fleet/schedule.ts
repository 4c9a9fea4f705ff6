/**
 * Schedule: which target is begun when. Keeps the window and the batches, stops after failures, and
 * gives results in the order in which the work ends. Knows no context: a job is whatever `begin`
 * makes.
 */

/** The work on one target. Its promises never reject. */
export interface Job<R> {
  readonly result: Promise<R>;
  /** Resolves when nothing of the job is left: only then its place in the window is free. */
  readonly closed: Promise<void>;
  /**
   * Cancels the job. Its result says why.
   *
   * @param isWorkKept only a job whose target has not answered yet
   */
  stop(reason: Error, isWorkKept: boolean): void;
}

export interface Schedule<R> {
  /** The number of targets. */
  readonly count: number;
  /** The most jobs at the same time. */
  readonly window: number;
  /** The size of a batch; infinite: all targets are one batch. */
  readonly batch: number;
  readonly failFast: boolean;
  /** The most failures with which further jobs are begun. */
  readonly maxFailures: number;
  readonly signal: AbortSignal | undefined;
  /** Skips what is not begun, and cancels what connects. */
  readonly drain: AbortSignal | undefined;
  begin(index: number): Job<R>;
  /** @returns the result of a target that is not begun */
  skip(index: number, reason: Error): R;
  isFailure(result: R): boolean;
  /** Makes the reason of a stop. @param failures undefined: the signal was aborted */
  reason(failures: number | undefined): Error;
}

/**
 * Yields one result for each target, as they end. All jobs are closed when the generator is over.
 * A reader that leaves early cancels what runs.
 */
export async function* follow<R>(schedule: Schedule<R>): AsyncGenerator<R, void, undefined> {
  const run = new ScheduledRun(schedule);
  try {
    run.start();
    while (!run.isOver) {
      yield* run.take();
      await run.changed();
    }
    yield* run.take();
  } finally {
    await run.end();
  }
}

class ScheduledRun<R> {
  readonly #schedule: Schedule<R>;
  readonly #running = new Set<Job<R>>();
  readonly #ended: R[] = [];
  readonly #onAbort = (): void => this.#stop(this.#schedule.reason(undefined), "all");
  readonly #onDrain = (): void => this.#stop(this.#schedule.reason(undefined), "connecting");
  /** The next target to begin. */
  #next = 0;
  /** The first target of the next batch. */
  #batchEnd: number;
  #failures = 0;
  #stopped: Error | undefined;
  #change = Promise.withResolvers<void>();

  constructor(schedule: Schedule<R>) {
    this.#schedule = schedule;
    this.#batchEnd = schedule.batch;
  }

  /** Whether every target has been begun or skipped, and no job is left. */
  get isOver(): boolean {
    return this.#next >= this.#schedule.count && this.#running.size === 0;
  }

  start(): void {
    const { signal, drain } = this.#schedule;
    if (signal?.aborted === true) this.#onAbort();
    if (drain?.aborted === true) this.#onDrain();
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    drain?.addEventListener("abort", this.#onDrain, { once: true });
    this.#fill();
  }

  /** @returns the results that came since the last time */
  take(): R[] {
    return this.#ended.splice(0);
  }

  /** Resolves when a job has ended or was closed since the last time. */
  async changed(): Promise<void> {
    if (this.#ended.length > 0) return;
    await this.#change.promise;
    this.#change = Promise.withResolvers();
  }

  /** Cancels what runs, and waits until it is closed. */
  async end(): Promise<void> {
    this.#schedule.signal?.removeEventListener("abort", this.#onAbort);
    this.#schedule.drain?.removeEventListener("abort", this.#onDrain);
    if (this.isOver) return;
    this.#stop(this.#schedule.reason(undefined), "all");
    await Promise.all([...this.#running].map(({ closed }) => closed));
  }

  #fill(): void {
    const { count, window, batch } = this.#schedule;
    if (this.#running.size === 0 && this.#next >= this.#batchEnd) this.#batchEnd += batch;
    const end = Math.min(count, this.#batchEnd);
    while (this.#stopped === undefined && this.#next < end && this.#running.size < window) {
      this.#begin(this.#next++);
    }
  }

  #begin(index: number): void {
    const job = this.#schedule.begin(index);
    this.#running.add(job);
    void job.result.then((result) => {
      this.#ended.push(result);
      if (this.#schedule.isFailure(result)) this.#failed();
      this.#change.resolve();
      return job.closed.then(() => {
        this.#running.delete(job);
        this.#fill();
        this.#change.resolve();
      });
    });
  }

  #failed(): void {
    this.#failures++;
    const { failFast, maxFailures, reason } = this.#schedule;
    if (failFast || this.#failures > maxFailures) {
      this.#stop(reason(this.#failures), failFast ? "all" : "none");
    }
  }

  /** Skips what is not begun. @param cancelled which jobs are cancelled, too */
  #stop(reason: Error, cancelled: "all" | "connecting" | "none"): void {
    if (this.#stopped === undefined) {
      this.#stopped = reason;
      const { count, skip } = this.#schedule;
      while (this.#next < count) this.#ended.push(skip(this.#next++, reason));
    }
    if (cancelled !== "none") {
      for (const job of this.#running) job.stop(reason, cancelled === "connecting");
    }
    this.#change.resolve();
  }
}
