/**
 * What ends a command or a program before its own end: a signal, or that nobody reads its output. A second signal ends us at once.
 *
 * Who was ended by a signal dies of it, when all is tidied up: a shell's loop then ends as well, as it does not for a mere status of 130.
 */

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Signal = keyof typeof SIGNALS;

/** Exit status when nobody reads our output any more: 128 + SIGPIPE, as for any program that is ended so. */
export const BROKEN_PIPE = 141;
/** What a signal that is sent to ourselves takes, at most. */
const DYING_MS = 100;
let fatal: Signal | undefined;

/** Does not return when a signal has ended what this process was to do. */
export async function dieOfSignal(): Promise<void> {
  if (fatal === undefined) return;
  process.removeAllListeners(fatal);
  process.kill(process.pid, fatal);
  await Bun.sleep(DYING_MS);
}

export class Stop {
  readonly happened: Promise<undefined>;
  readonly #controller = new AbortController();
  readonly #listeners = new Map<Signal, () => void>();
  #status: number | undefined;
  #resolve: (none: undefined) => void = () => {};

  constructor() {
    this.happened = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    for (const [name, status] of Object.entries(SIGNALS) as [Signal, number][]) {
      const listener = () => {
        fatal ??= name;
        if (this.#status !== undefined) void dieOfSignal().then(() => process.exit(status));
        this.now(status);
      };
      this.#listeners.set(name, listener);
      process.on(name, listener);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The exit status, when it was stopped. */
  get status(): number | undefined {
    return this.#status;
  }

  now(status: number): void {
    this.#status ??= status;
    this.#controller.abort();
    this.#resolve(undefined);
  }

  dispose(): void {
    for (const [name, listener] of this.#listeners) process.off(name, listener);
  }
}
