/**
 * Fleet: the same work on many targets. It puts the parts together for each run: the schedule, the
 * work on one target, and the results. Knows a broker only by how it opens a context.
 */
import type { Callable, Result } from "../calls/callee.ts";
import type { ExecOptions } from "../commands/remote-process.ts";
import { outputOf, type ShellOutput, shellError } from "../commands/shell-output.ts";
import type { ConnectOptions } from "../context/connect-options.ts";
import { SkippedError } from "../errors.ts";
import { CommonSources, type CopyOptions, type CopyResult } from "../files/remote-files.ts";
import type { AnyFunction } from "../functions/registry.ts";
import { expand } from "../sets/node-set.ts";
import { calledFrom } from "../traces/error-stack.ts";
import { FleetRun } from "./fleet-run.ts";
import { batchOf, checkLimits, failuresOf } from "./limits.ts";
import type {
  FleetFailure,
  FleetLimits,
  FleetOptions,
  FleetPlace,
  FleetResult,
  FleetWork,
} from "./result.ts";
import { follow } from "./schedule.ts";
import { type OpenContext, TargetRun } from "./target-run.ts";
import { defaultWindow } from "./window.ts";

export type { FleetOptions };

/** Options of a command that every target runs. */
export interface FleetExecOptions extends Pick<ExecOptions, "cwd" | "env"> {
  /** What each command reads. Default: nothing. */
  readonly stdin?: string | Uint8Array;
}

/** Options of a copy to every target. */
export interface FleetCopyOptions
  extends Pick<CopyOptions, "recursive" | "checksum" | "resume" | "expand" | "into"> {}

/** @internal Options of one run. */
export interface RunSettings<T> {
  /** Whether a value counts as a failure, for `failFast` and `maxFailures`. */
  readonly isFailure?: (value: T) => boolean;
}

/** Many targets. Made by `broker.fleet`, or by `fleet` of a program. */
export class Fleet {
  /** The names of the targets, in order. */
  readonly targets: readonly string[];
  readonly #open: OpenContext;
  readonly #options: FleetOptions;

  /** @internal Fleets are made by `Broker.fleet`. */
  constructor(open: OpenContext, targets: string | readonly string[], options: FleetOptions = {}) {
    checkLimits(options);
    this.#open = open;
    this.targets = typeof targets === "string" ? expand(targets) : targets;
    this.#options = options;
  }

  /** @returns the same targets with other options; those that are not given stay */
  with(options: FleetOptions): Fleet {
    return new Fleet(this.#open, this.targets, { ...this.#options, ...options });
  }

  /**
   * Do something with a context of each target. The context is closed when the work has ended.
   *
   * @throws {UsageError} `ERR_USAGE_FLEET`, `ERR_USAGE_DEADLINE`
   */
  run<T>(work: FleetWork<T>, options: FleetLimits = {}): FleetRun<T> {
    return this.runAs(work, options, {});
  }

  /** @internal As `run`. */
  runAs<T>(work: FleetWork<T>, limits: FleetLimits, settings: RunSettings<T>): FleetRun<T> {
    checkLimits(limits);
    const options = { ...this.#options, ...limits };
    return new FleetRun(() => this.#follow(work, options, settings));
  }

  /**
   * Call a function on each target, as `Context.call` does. Values of a generator are collected in
   * a list.
   */
  call<F extends AnyFunction>(fn: F, ...args: Parameters<F>): FleetRun<FleetValue<F>>;
  call(name: string, ...args: unknown[]): FleetRun<unknown>;
  call(fn: Callable, ...args: unknown[]): FleetRun<unknown> {
    const site = new Error();
    return this.run(async (context) => {
      try {
        const value: unknown = await context.call(fn as string, ...args);
        return isGenerator(value) ? await Array.fromAsync(value) : value;
      } catch (error) {
        throw calledFrom(error, site);
      }
    });
  }

  /**
   * Run a command on each target, without a shell, and collect its output. A status other than 0 is
   * a failure: the result's `error` is a `ShellError` with the output.
   */
  exec(argv: readonly string[], options: FleetExecOptions = {}): FleetRun<ShellOutput> {
    return this.run(async (context) => {
      const output = await outputOf(context.exec(argv, options));
      if (output.exitCode !== 0) throw shellError(context.name, argv.join(" "), output);
      return output;
    });
  }

  /**
   * Copy files of this machine to each target, as `Context.put` does. They are read once for all
   * targets. Behind a shared hop, up to 28 MiB of them cross the hop's link once for all.
   */
  copy(
    local: string | readonly string[],
    remote: string,
    options: FleetCopyOptions = {},
  ): FleetRun<CopyResult> {
    const sources = new CommonSources(local);
    return this.run((context, { signal }) =>
      context.putCommon(sources, remote, { ...options, signal }),
    );
  }

  async *#follow<T>(
    work: FleetWork<T>,
    options: FleetOptions,
    { isFailure = () => false }: RunSettings<T>,
  ): AsyncGenerator<FleetResult<T>, void, undefined> {
    const { targets } = this;
    const usual = targets.length === 1 ? () => 1 : defaultWindow;
    const { window = usual(), failFast = false, serial, maxFailures, onEvent } = options;
    const { retries = 0, deadline, signal, drain } = options;
    const settings = { open: this.#open, connect: connectOptions(options), work, retries };
    yield* follow<FleetResult<T>>({
      count: targets.length,
      window,
      batch: batchOf(serial, targets.length),
      failFast,
      maxFailures: failuresOf(maxFailures, targets.length),
      signal,
      drain,
      begin: (index) => new TargetRun(this.#place(index), { ...settings, deadline, onEvent }),
      skip: (index, reason) => {
        const result = skipped(this.#place(index), reason);
        onEvent?.({ type: "skipped", ...this.#place(index), error: result.error });
        return result;
      },
      isFailure: (result) => !result.ok || isFailure(result.value),
      reason: (failures) => new Error(reasonFor(failures)),
    });
  }

  #place(index: number): FleetPlace {
    return { target: this.targets[index] as string, index };
  }

  /** @internal The text for `console.log`, which would otherwise list the members. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `Fleet of ${this.targets.length} targets`;
  }
}

/** What a call of a function gives: of a generator, the list of its values. */
export type FleetValue<F extends AnyFunction> =
  Result<F> extends AsyncIterable<infer T> ? T[] : Awaited<Result<F>>;

function isGenerator(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

/** @returns what is left of a fleet's options for each `connect` */
function connectOptions(options: FleetOptions): ConnectOptions {
  const { window, serial, failFast, maxFailures, retries, deadline, ...others } = options;
  const { signal, drain, onEvent, connectDeadline, ...connect } = others;
  return connectDeadline === undefined ? connect : { ...connect, deadline: connectDeadline };
}

function skipped(place: FleetPlace, reason: Error): FleetFailure {
  const error = new SkippedError("ERR_SKIPPED", `${place.target}: not begun: ${reason.message}`);
  const times = { startedAt: Date.now(), totalMs: 0 };
  return { ...place, ok: false, error, attempts: 0, times };
}

/** @param failures undefined: the caller has stopped the run */
function reasonFor(failures: number | undefined): string {
  if (failures === undefined) return "the run was stopped";
  return failures === 1 ? "another target has failed" : `${failures} other targets have failed`;
}
