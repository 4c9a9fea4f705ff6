/**
 * What ends a command or a program early: a signal, or that the reader of its output is gone. A
 * second signal ends the process at once.
 */
import { ENDING } from "../io/ending-signals.ts";
import type { Host } from "./host.ts";

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Signal = keyof typeof SIGNALS;

/**
 * Gets a signal first, to pass it on to the commands that it is for.
 *
 * @returns what resolves to whether each of them has got it; undefined if none runs that could
 */
export type PassSignal = (name: string) => Promise<readonly boolean[]> | undefined;

/** Exit status when the reader of the output is gone: 128 + SIGPIPE, as for any program. */
export const BROKEN_PIPE = 141;
/** Milliseconds that a passed signal may take to arrive. A busy slave may never take it. */
const PASSING_MS = 3000;
/** A name that no signal has: it is told whether the command still runs, and nothing else. */
const NO_SIGNAL = "none";
/** Milliseconds between two looks, and how often in a row all must have ended. */
const LOOK_MS = 1000;
const ENDED_LOOKS = 3;

export function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === "EPIPE";
}

export class Stop {
  readonly happened: Promise<undefined>;
  readonly #host: Host;
  readonly #controller = new AbortController();
  readonly #draining = new AbortController();
  readonly #listeners = new Map<Signal, () => void>();
  #passed: Signal | undefined;
  /** Ends the command if the signal that was passed does not arrive. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looking: ReturnType<typeof setInterval> | undefined;
  #status: number | undefined;
  #isDisposed = false;
  #resolve: (none: undefined) => void = () => {};

  /** @param pass gets the first signal, and not those that follow */
  constructor(host: Host, pass: PassSignal = () => undefined) {
    this.#host = host;
    this.happened = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    for (const name of ENDING) {
      const listener = (): void => this.#hear(name, pass);
      this.#listeners.set(name, listener);
      host.signals.on(name, listener);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Aborted when a signal was passed to what runs: nothing else shall begin any more. */
  get drain(): AbortSignal {
    return this.#draining.signal;
  }

  /** The status of a signal that was passed on. */
  get passedStatus(): number {
    return this.#passed === undefined ? 0 : SIGNALS[this.#passed];
  }

  /** The exit status, after the command was stopped. */
  get status(): number | undefined {
    return this.#status;
  }

  now(status: number): void {
    this.#status ??= status;
    this.#controller.abort();
    this.#resolve(undefined);
  }

  /** A command that got the signal passed on, and ended as by it: this process ends by it too. */
  conclude(status: number): void {
    if (this.#passed !== undefined && SIGNALS[this.#passed] === status) {
      this.#host.ending.by(this.#passed);
    }
  }

  /** The command has ended: no signal does anything here any more. */
  dispose(): void {
    this.#isDisposed = true;
    clearInterval(this.#looking);
    clearTimeout(this.#timer);
    for (const [name, listener] of this.#listeners) this.#host.signals.off(name, listener);
  }

  #hear(name: Signal, pass: PassSignal): void {
    const isFirst = this.#passed === undefined && this.#status === undefined;
    const passing = isFirst ? pass(name) : undefined;
    if (passing === undefined) {
      this.#end(name);
      return;
    }
    this.#passed = name;
    this.#draining.abort();
    this.#timer = setTimeout(() => this.#end(name), PASSING_MS);
    void passing.then((passed) => {
      if (this.#isDisposed) return;
      const isForNone = !passed.includes(true);
      if (isForNone) this.#end(name);
      // Where it came too late for some, what holds their output open may never end.
      if (isForNone || passed.every(Boolean)) clearTimeout(this.#timer);
      if (!isForNone) this.#watch(name, pass);
    });
  }

  /** Ends the command when all that got the signal have ended, and output of theirs is left. */
  #watch(name: Signal, pass: PassSignal): void {
    let looks = 0;
    this.#looking = setInterval(() => {
      void pass(NO_SIGNAL)?.then((running) => {
        looks = running.includes(true) ? 0 : looks + 1;
        if (looks < ENDED_LOOKS || this.#isDisposed) return;
        clearInterval(this.#looking);
        // One that ends already has its time for the last words.
        if (this.#status === undefined) this.#end(name);
      });
    }, LOOK_MS);
  }

  /** Ends the command by a signal; a command that ends already, at once. */
  #end(name: Signal): void {
    const status = SIGNALS[name];
    this.#host.ending.by(name);
    if (this.#status !== undefined) void this.#host.ending.now(status);
    this.now(status);
  }
}
