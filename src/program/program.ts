/**
 * One program of the user's: its main file, what `run` and `connect` do in it, and its end. How that is told, and what ends it early, is
 * its host's business: the command line's.
 *
 * With `run`, the end of what it was given is the end of the program. Without, the program ends when it has nothing left to wait for, and
 * the broker of `connect` is closed when the main file has been evaluated, top-level awaits included.
 */
import { dirname } from "node:path";
import {
  Broker,
  type ConnectOptions,
  type Context,
  type LendProgress,
  type LogRecord,
} from "../index.ts";
import { foldersOf } from "./folders.ts";
import { installLoader, mainSpecifier, pythonRoots } from "./loader.ts";

export type Main = (broker: Broker) => unknown;

export interface ProgramHost {
  /** Cancels what the program waits for. */
  readonly signal: AbortSignal;
  /** Resolves when `signal` is aborted. */
  readonly stopped: Promise<undefined>;
  log(record: LogRecord): void;
  lend(progress: LendProgress): void;
}

export class Program {
  readonly #file: string;
  readonly #host: ProgramHost;
  readonly #runs: Promise<unknown>[] = [];
  #evaluated: () => void = () => {};
  readonly #whenEvaluated = new Promise<void>((resolve) => {
    this.#evaluated = resolve;
  });
  #broker: Broker | undefined;

  /** @param file absolute real path */
  constructor(file: string, host: ProgramHost) {
    this.#file = file;
    this.#host = host;
  }

  /**
   * Resolves when it is over and its contexts are closed.
   *
   * @returns whether `run` was called: if not, what the program started may still go on
   * @throws what the main file or the function given to `run` throws
   */
  async execute(): Promise<boolean> {
    installLoader({
      main: this.#file,
      exports: {
        run: (main: Main) => this.#run(main),
        connect: (target: string, options?: ConnectOptions) => this.#connect(target, options),
        slave: false,
      },
    });
    try {
      await Promise.race([this.#whole(), this.#host.stopped]);
      return this.#runs.length > 0;
    } finally {
      await this.#broker?.close();
    }
  }

  async #whole(): Promise<void> {
    await import(mainSpecifier(this.#file));
    this.#evaluated();
    // One may call it for another.
    for (let i = 0; i < this.#runs.length; i++) await this.#runs[i];
  }

  #run(main: Main): void {
    const running = this.#whenEvaluated.then(() => main(this.#sharedBroker()));
    // Who waits for it hears of it.
    running.catch(() => {});
    this.#runs.push(running);
  }

  #connect(target: string, options?: ConnectOptions): Promise<Context> {
    return this.#sharedBroker().connect(target, options);
  }

  #sharedBroker(): Broker {
    const { signal } = this.#host;
    this.#broker ??= new Broker({
      roots: [dirname(this.#file), ...pythonRoots(), ...foldersOf(this.#file)],
      onLog: (record) => this.#host.log(record),
      onLend: (progress) => this.#host.lend(progress),
      signal,
    });
    return this.#broker;
  }
}
