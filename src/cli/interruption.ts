/**
 * What ends a command or a program before its own end: a signal, or that nobody reads its output. A second signal ends us at once.
 *
 * Who was ended by a signal dies of it, when all is tidied up: a shell's loop then ends as well, as it does not for a mere status of 130.
 */

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Signal = keyof typeof SIGNALS;

/** Who hears of a signal first. @returns what resolves when it has come to those whose affair it is; undefined: nobody is there to hear it */
export type PassSignal = (name: string) => Promise<unknown> | undefined;

/** Exit status when nobody reads our output any more: 128 + SIGPIPE, as for any program that is ended so. */
export const BROKEN_PIPE = 141;
/** What one that is passed on may take to arrive. A far side that is busy with itself, with a flood of log lines, say, may never hear of it. */
const PASSING_MS = 3000;
/** What a signal that is sent to ourselves takes, at most. */
const DYING_MS = 100;
let fatal: Signal | undefined;
const last = new Set<() => void>();

/** To be done if a signal ends us at once, which leaves no time for anything that takes any. @returns what takes it back */
export function beforeDying(work: () => void): () => void {
  last.add(work);
  return () => last.delete(work);
}

/** Does not return when a signal has ended what this process was to do. */
export async function dieOfSignal(): Promise<void> {
  if (fatal === undefined) return;
  for (const work of last) work();
  process.removeAllListeners(fatal);
  process.kill(process.pid, fatal);
  await Bun.sleep(DYING_MS);
}

export class Stop {
  readonly happened: Promise<undefined>;
  readonly #controller = new AbortController();
  readonly #listeners = new Map<Signal, () => void>();
  #passed: Signal | undefined;
  #status: number | undefined;
  #resolve: (none: undefined) => void = () => {};

  /** @param pass gets the first signal, and not the ones that follow */
  constructor(pass: PassSignal = () => undefined) {
    this.happened = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    for (const name of Object.keys(SIGNALS) as Signal[]) {
      const listener = () => {
        const isFirst = this.#passed === undefined && this.#status === undefined;
        const passing = isFirst ? pass(name) : undefined;
        if (passing === undefined) {
          this.#end(name);
          return;
        }
        this.#passed = name;
        const timer = setTimeout(() => this.#end(name), PASSING_MS);
        void passing.then(() => clearTimeout(timer));
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

  /** Who had the signal passed on, and ended as by it, ends us as well. */
  conclude(status: number): void {
    if (this.#passed !== undefined && SIGNALS[this.#passed] === status) fatal ??= this.#passed;
  }

  /** By a signal; at once, if it is about to end anyway. */
  #end(name: Signal): void {
    const status = SIGNALS[name];
    fatal ??= name;
    if (this.#status !== undefined) void dieOfSignal().then(() => process.exit(status));
    this.now(status);
  }

  dispose(): void {
    for (const [name, listener] of this.#listeners) process.off(name, listener);
  }
}
