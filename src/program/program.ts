/**
 * One program of the user's: its main file, its `run` and `connect`, and its end. The host (the
 * command line) shows the end and may force it.
 *
 * With `run`, the program ends when the given function ends. Without, it ends when nothing is left
 * to wait for. The broker of `connect` is closed when the main file, top-level awaits included, has
 * been evaluated.
 */
import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import {
  Broker,
  type BrokerOptions,
  type ConnectOptions,
  type Context,
  type Fleet,
  type FleetOptions,
  type LendProgress,
  type LevelName,
  type LogRecord,
  UsageError,
} from "../index.ts";
import type { Prompter } from "../prompts/prompter.ts";
import type * as ProgramExports from "./exports.ts";
import { installLoader, mainSpecifier, placed, pythonRoots } from "./loader.ts";
import { foldersOf } from "./roots-of-file.ts";
import { checkPackages } from "./unpack-names.ts";

type Main = (broker: Broker) => unknown;

/** The options with which the user started the program. */
interface ProgramSettings {
  /** Defaults for each `connect`. */
  readonly connect: ConnectOptions;
  readonly logLevel: LevelName;
  readonly roots: readonly string[];
  /** Whether transformed modules are kept for other runs. */
  readonly cache: boolean;
  /** Answers the questions of programs on the way. */
  readonly prompter: Prompter;
  /** Transports that the user has defined, and settings for targets. */
  readonly configuration: Pick<BrokerOptions, "schemes" | "targets" | "groups">;
}

interface ProgramHost {
  /** Cancels what the program waits for. */
  readonly signal: AbortSignal;
  /** Resolves when `signal` is aborted. */
  readonly stopped: Promise<undefined>;
  log(record: LogRecord): void;
  lend(progress: LendProgress): void;
}

export class Program {
  readonly #file: string;
  readonly #settings: ProgramSettings;
  /** The roots of the settings and of `run`. */
  readonly #roots: string[];
  readonly #host: ProgramHost;
  readonly #runs: Promise<unknown>[] = [];
  #evaluated: () => void = () => {};
  readonly #whenEvaluated = new Promise<void>((resolve) => {
    this.#evaluated = resolve;
  });
  #broker: Broker | undefined;

  /** @param file absolute real path */
  constructor(file: string, settings: ProgramSettings, host: ProgramHost) {
    this.#file = file;
    this.#settings = settings;
    this.#roots = [...settings.roots];
    this.#host = host;
  }

  /**
   * Runs the program. Resolves when it has ended and its contexts are closed.
   *
   * @returns whether `run` was called: if not, work that the program started may continue
   * @throws what the main file or the function given to `run` throws
   */
  async execute(): Promise<boolean> {
    installLoader({
      main: this.#file,
      exports: {
        run: (main, options) => this.#run(main, options),
        connect: (target, options) => this.#connect(target, options),
        fleet: (targets, options) => this.#fleet(targets, options),
        expand: async (set) => this.#sharedBroker().expand(set),
        slave: false,
      } satisfies typeof ProgramExports,
    });
    try {
      await Promise.race([this.#whole(), this.#host.stopped]);
      return this.#runs.length > 0;
    } finally {
      await this.#broker?.close();
    }
  }

  async #whole(): Promise<void> {
    await import(mainSpecifier(this.#file)).catch((error) => {
      throw placed(error);
    });
    this.#evaluated();
    // A function given to `run` may call `run` again.
    for (let i = 0; i < this.#runs.length; i++) await this.#runs[i];
  }

  #run(main: Main, { roots = [] }: ProgramExports.RunOptions = {}): void {
    if (roots.length > 0 && this.#broker !== undefined) {
      const problem = "run: give roots before the first connect, which was called already";
      throw new UsageError("ERR_USAGE_ROOTS", problem);
    }
    this.#roots.push(...roots.map((root) => rootOf(dirname(this.#file), root)));
    const running = this.#whenEvaluated.then(() => main(this.#sharedBroker()));
    // `#whole` awaits the promise and reports the error.
    running.catch(() => {});
    this.#runs.push(running);
  }

  async #connect(target: string, options?: ConnectOptions): Promise<Context> {
    const broker = this.#sharedBroker();
    checkPackages(options?.unpack ?? [], this.#folders());
    return await broker.connect(target, options);
  }

  #fleet(targets: string | readonly string[], options?: FleetOptions): Fleet {
    const broker = this.#sharedBroker();
    checkPackages(options?.unpack ?? [], this.#folders());
    return broker.fleet(targets, options);
  }

  /** The folders whose modules may be sent. */
  #folders(): string[] {
    return [dirname(this.#file), ...pythonRoots(), ...foldersOf(this.#file), ...this.#roots];
  }

  #sharedBroker(): Broker {
    const { signal } = this.#host;
    const { connect, logLevel, cache, prompter, configuration } = this.#settings;
    const roots = this.#folders();
    if (this.#broker === undefined) checkPackages(connect.unpack ?? [], roots);
    this.#broker ??= new Broker({
      ...configuration,
      roots,
      logLevel,
      cache,
      prompter,
      defaults: connect,
      onLog: (record) => this.#host.log(record),
      onLend: (progress) => this.#host.lend(progress),
      signal,
    });
    return this.#broker;
  }
}

/** A root of `run`, as an absolute path. @throws {UsageError} `ERR_USAGE_ROOTS` */
function rootOf(folder: string, root: string): string {
  const path = resolve(folder, root);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return path;
  const hint = "a path relative to the folder of the main file";
  throw new UsageError("ERR_USAGE_ROOTS", `run: not a folder: ${path}\n  try: ${hint}`);
}
