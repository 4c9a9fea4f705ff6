/**
 * Reopening: the attempts to open one kept context anew after its connection was lost. They go on
 * while only the network, or a machine that starts, stands in the way. They end where a person is
 * needed: for a password, for a host key, or after a refused login.
 */
import { EcontextError } from "../errors.ts";
import { mayPass, pauseAfter } from "../fleet/retry.ts";

/** Milliseconds between attempts, at most. */
const LONGEST_PAUSE_MS = 60_000;
/** A kept context had a name and a container once: both may come back with the network. */
const COMES_BACK: readonly string[] = [
  "ERR_TRANSPORT_UNKNOWN_HOST",
  "ERR_TRANSPORT_STOPPED",
  "ERR_TRANSPORT_NOT_FOUND",
];

export class Reopening {
  readonly #open: (signal: AbortSignal) => Promise<void>;
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;
  #attempts: number;
  /** As `performance.now()`; undefined: no further attempt is made. */
  #dueAt: number | undefined;
  #error: string | undefined;

  /**
   * @param open opens the context without a person; is not called after `stop`
   * @param attempts how many it took the last time, if the context was lost soon after
   */
  constructor(open: (signal: AbortSignal) => Promise<void>, attempts: number) {
    this.#open = open;
    this.#attempts = attempts;
    this.#wait();
  }

  get attempts(): number {
    return this.#attempts;
  }

  /** Milliseconds until the next attempt; 0: it is under way; undefined: there is none. */
  get dueMs(): number | undefined {
    if (this.#running !== undefined) return 0;
    return this.#dueAt && Math.max(1, Math.round(this.#dueAt - performance.now()));
  }

  /** Why the last attempt failed. */
  get error(): string | undefined {
    return this.#error;
  }

  /** Begins an attempt if it is time for it. */
  turn(): void {
    const isDue = this.#dueAt !== undefined && performance.now() >= this.#dueAt;
    if (isDue && this.#running === undefined && !this.#abort.signal.aborted) {
      this.#running = this.#attempt();
    }
  }

  /** Makes the next attempt at the next turn: a command wants the context. */
  hurry(): void {
    if (this.#dueAt === undefined) return;
    this.#attempts = 0;
    this.#dueAt = performance.now();
  }

  /** Ends the attempts. Resolves when none is under way. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  #wait(): void {
    const attempts = this.#attempts;
    const pause = attempts === 0 ? 0 : pauseAfter(attempts, undefined, LONGEST_PAUSE_MS);
    this.#dueAt = performance.now() + pause;
  }

  async #attempt(): Promise<void> {
    this.#attempts += 1;
    try {
      await this.#open(this.#abort.signal);
    } catch (error) {
      this.#error = error instanceof Error ? error.message : String(error);
      this.#dueAt = undefined;
      if (needsNoPerson(error)) this.#wait();
    } finally {
      this.#running = undefined;
    }
  }
}

function needsNoPerson(error: unknown): boolean {
  return mayPass(error) || (error instanceof EcontextError && COMES_BACK.includes(error.code));
}
