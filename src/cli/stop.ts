/** What ends a command or a program before its own end: a signal, or that nobody reads its output. A second signal ends us at once. */

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export class Stop {
  readonly happened: Promise<undefined>;
  readonly #controller = new AbortController();
  readonly #listeners = new Map<NodeJS.Signals, () => void>();
  #status: number | undefined;
  #resolve: (none: undefined) => void = () => {};

  constructor() {
    this.happened = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    for (const [name, status] of Object.entries(SIGNALS) as [NodeJS.Signals, number][]) {
      const listener = () => {
        if (this.#status !== undefined) process.exit(status);
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
