/**
 * Copies of `econtext cp` at work. Copies of one target do not wait for another target, and a
 * failure does not stop the other copies.
 */
import { mkdirSync, rmdirSync } from "node:fs";
import {
  CommonSources,
  type Context,
  type CopyFailure,
  type CopyOptions,
  type FilesError,
} from "../index.ts";
import { type Copy, type CopyPlan, isStandard } from "./copy-plan.ts";
import { STANDARD } from "./copy-word.ts";
import { factsOf } from "./error-facts.ts";
import type { Host } from "./host.ts";
import type { Flags } from "./parse-line.ts";
import { statusOf } from "./report-error.ts";
import type { TargetEnding } from "./results/results.ts";
import type { Turn } from "./run-targets.ts";
import { type ProgressLine, progressLine } from "./ui/copy-progress.ts";
import { ProgressSum } from "./ui/progress-sum.ts";
import { SharedInput } from "./ui/shared-input.ts";

/** How a copy failed. */
interface Failure {
  readonly error: unknown;
  readonly isTold: boolean;
}

export class Copying {
  readonly #host: Host;
  readonly #plan: CopyPlan;
  readonly #flags: Flags;
  readonly #turns = new Map<string, Turn>();
  readonly #input: SharedInput;
  /** One line for all copies. */
  readonly #line: ProgressLine | undefined;
  readonly #progress: ProgressSum | undefined;
  /** The first failure of each target. */
  readonly #failures = new Map<string, Failure>();
  readonly #said = new Set<string>();
  readonly #common = new Map<string, CommonSources>();
  readonly #done = Promise.withResolvers<void>();

  constructor(plan: CopyPlan, flags: Flags, host: Host) {
    this.#host = host;
    this.#plan = plan;
    this.#flags = flags;
    this.#input = new SharedInput(undefined, host.stdin, { isStrict: true });
    const isPrinted = plan.copies.some(({ to }) => isStandard(to));
    this.#line = progressLine(host, flags["quiet"] === true || isPrinted);
    this.#progress = this.#line && new ProgressSum(this.#line);
    this.#done.promise.catch(() => {});
  }

  /**
   * Adds a target. The last one begins the work.
   *
   * @returns how the copies of this target ended
   * @throws why they failed, if the user was not told yet
   */
  async add(turn: Turn): Promise<TargetEnding> {
    this.#turns.set(turn.target, turn);
    if (this.#turns.size === this.#plan.targets.length) {
      const all = this.#copyAll().finally(() => this.#line?.stop());
      all.then(this.#done.resolve, this.#done.reject);
    }
    await this.#done.promise;
    const failure = this.#failures.get(turn.target);
    if (failure === undefined) return { status: 0 };
    const { error, isTold } = failure;
    if (!isTold) throw error;
    return { status: statusOf(error), isTold, error };
  }

  /** Ends the wait for a target that cannot be reached. @returns false: the user was not told */
  giveUp(error: unknown): boolean {
    if (this.#turns.size < this.#plan.targets.length) this.#done.reject(error);
    return false;
  }

  async #copyAll(): Promise<void> {
    const { copies } = this.#plan;
    // Files that are printed keep their order.
    const [first] = copies;
    if (first !== undefined && isStandard(first.to)) {
      for (const copy of copies) await this.#attempt(copy);
    } else await Promise.all(copies.map((copy) => this.#attempt(copy)));
  }

  async #attempt(copy: Copy): Promise<void> {
    const { from, to } = copy;
    const owner = to.target ?? from.target ?? "";
    try {
      await this.#copy(copy, this.#turn(owner));
    } catch (error) {
      // In a copy between two machines, the one that the error names is to blame.
      const isNamed = (target: string | undefined) => target !== undefined && names(error, target);
      const blamed = [from.target, to.target].find(isNamed) ?? owner;
      // Failures of single files were told at once.
      this.#note(blamed, { error, isTold: isFilesError(error) });
      // The destination does not have the files, so its copy failed too. One line is enough.
      if (owner !== blamed) this.#note(owner, { error, isTold: true });
    }
  }

  /** Keeps the first failure of a target, or the first that the user was not told. */
  #note(target: string, failure: Failure): void {
    const known = this.#failures.get(target);
    if (known === undefined || (known.isTold && !failure.isTold))
      this.#failures.set(target, failure);
  }

  async #copy(copy: Copy, turn: Turn): Promise<void> {
    const { from, to } = copy;
    const [reader, writer] = [from.target, to.target].map((target) =>
      target === undefined ? undefined : this.#turn(target).context,
    );
    const options = { ...this.#options(copy, turn), ...turn.limits(), into: this.#plan.into };
    if (reader === undefined) await this.#send(from.paths, writer as Context, to.path, options);
    else if (writer !== undefined) await reader.copy(from.paths, writer, to.path, options);
    else if (isStandard(to)) await this.#print(reader, from.paths, options, turn);
    else await this.#fetch(reader, from.paths, to.path, { ...options, folder: this.#host.folder });
  }

  async #send(
    paths: readonly string[],
    to: Context,
    path: string,
    options: CopyOptions,
  ): Promise<void> {
    if (paths[0] !== STANDARD) {
      if (this.#plan.copies.length === 1) {
        return void (await to.put(paths, path, { ...options, folder: this.#host.folder }));
      }
      return void (await to.putCommon(this.#sources(paths), path, options));
    }
    const readers = this.#plan.copies.length;
    this.#host.stdin.check?.();
    // Until then, a person may be asked for a password on the same terminal.
    if (readers === 1 && this.#host.stdin.isTerminal) await to.ready();
    if (readers === 1) return await to.writeFile(path, this.#host.stdin.stream(), options);
    const input = this.#input.branch(readers, () => to.ready());
    try {
      await to.writeFile(path, input ?? "", options);
    } finally {
      // The other readers do not wait for one that has stopped reading.
      input?.close();
    }
  }

  /** Sources that go to several targets are read once. */
  #sources(paths: readonly string[]): CommonSources {
    const key = paths.join("\0");
    const known = this.#common.get(key);
    if (known !== undefined) return known;
    const made = new CommonSources(paths, this.#host.folder);
    this.#common.set(key, made);
    return made;
  }

  async #fetch(
    from: Context,
    paths: readonly string[],
    folder: string,
    options: CopyOptions,
  ): Promise<void> {
    if (!this.#plan.makesFolders) return void (await from.get(paths, folder, options));
    makeFolder(folder, this.#host);
    try {
      await from.get(paths, folder, options);
    } finally {
      removeEmpty(this.#host.path(folder));
    }
  }

  async #print(
    from: Context,
    paths: readonly string[],
    options: CopyOptions,
    turn: Turn,
  ): Promise<void> {
    let failed: unknown;
    for (const path of paths) {
      try {
        for await (const piece of from.readStream(path, options))
          await this.#host.stdout.write(piece);
      } catch (error) {
        if (!isFilesError(error)) throw error;
        for (const failure of error.failures) this.#tell(failure, turn);
        failed = error;
      }
    }
    if (failed !== undefined) throw failed;
  }

  #options(copy: Copy, turn: Turn): CopyOptions {
    const sum = this.#progress;
    const { copies, targets } = this.#plan;
    // Another target may be behind this one.
    const isOnly = copies.length === 1 && targets.length === 1;
    return {
      recursive: this.#flags["recursive"] === true,
      checksum: this.#flags["checksum"] === true,
      resume: this.#flags["resume"] === true,
      expand: true,
      onFailure: (failure) =>
        this.#tell(this.#withAdvice(failure, copy), turn, this.#line?.erased()),
      ...(sum === undefined ? {} : { onProgress: (progress) => sum.show(copy, progress) }),
      ...(isOnly ? { onBegun: () => turn.context.finishAhead() } : {}),
    };
  }

  /** A folder among the sources needs -r; a folder in a file's place is another problem. */
  #withAdvice(failure: CopyFailure, { from }: Copy): CopyFailure {
    const isSource = failure.context === (from.target ?? "") && from.paths.includes(failure.path);
    if (failure.problem !== "Is a directory" || !isSource) return failure;
    return { ...failure, problem: `${failure.problem}; -r copies folders` };
  }

  /** Tells a failure once, also if several copies of one local file fail alike. */
  #tell({ context, path, problem }: CopyFailure, turn: Turn, before = ""): void {
    const text = `${context === "" ? "" : `${context}: `}${path}: ${problem}`;
    if (this.#said.has(text) && context === "") return;
    if (context === "") this.#said.add(text);
    turn.say(before + text);
  }

  #turn(target: string): Turn {
    return this.#turns.get(target) as Turn;
  }
}

/** @throws the system's error, with the path as the user has given it */
function makeFolder(folder: string, host: Host): void {
  const path = host.path(folder);
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    if (error instanceof Error) error.message = error.message.replace(path, folder);
    throw error;
  }
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It holds files, or is gone.
  }
}

/** Asks for the code, because importing the class would load the library. */
function isFilesError(error: unknown): error is FilesError {
  return (error as { readonly code?: unknown }).code === "ERR_FILES_COPY";
}

/** Whether an error is about a target, or about a hop on the way to it. */
function names(error: unknown, target: string): boolean {
  if (isFilesError(error)) return error.failures[0]?.context === target;
  const { hop } = factsOf(error);
  if (hop !== undefined) return target === hop || target.startsWith(`${hop}/`);
  return error instanceof Error && error.message.startsWith(`${target}: `);
}
