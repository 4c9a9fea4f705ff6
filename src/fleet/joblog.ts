/**
 * JobLog: a file with a line for each target that has ended, in the columns of GNU parallel. A
 * later run reads it, and leaves out what is done. As in GNU parallel, a target is known by its
 * place in the list.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { CancelledError, SkippedError, UsageError } from "../errors.ts";
import type { FleetResult } from "./result.ts";

const HEADER = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand";
/** Seq, Host, Starttime, JobRuntime, Send, Receive, Exitval, Signal, Command. */
const LINE = /^(\d+)\t([^\t]+)\t *[-0-9.]+\t *[-0-9.]+\t-?\d+\t-?\d+\t(-?\d+)\t(\d+)\t/;

/** Which targets a run leaves out: none, those that have ended, or those that have succeeded. */
export type Resume = "none" | "ended" | "succeeded";

/** How the work on a target ended, for its line. */
export interface JobEnd {
  /** The exit status, as `exec` gives it. */
  readonly status: number;
  /** The name of the signal that ended it. */
  readonly signal?: string | undefined;
  /** Bytes that were sent to it. */
  readonly sent?: number;
  /** Bytes of its output. */
  readonly received?: number;
}

export class JobLog {
  /** The indices of the targets that this run has to do. */
  readonly rest: readonly number[];
  readonly #path: string;
  readonly #fd: number;
  readonly #commandOf: (target: string) => string;

  /**
   * Opens the file. Without `resume`, what is in it is lost.
   *
   * @param commandOf what the last column shows of a target
   * @throws {UsageError} `ERR_USAGE_JOBLOG`: the file cannot be used, or is of other targets
   */
  constructor(
    path: string,
    targets: readonly string[],
    commandOf: (target: string) => string,
    resume: Resume,
  ) {
    this.#path = path;
    const text = resume === "none" ? "" : wholeLinesOf(path);
    const done = readDone(path, text, targets, resume);
    const wholeBytes = Buffer.byteLength(text);
    this.rest = [...targets.keys()].filter((index) => !done.has(index));
    this.#commandOf = commandOf;
    try {
      this.#fd = openSync(path, resume === "none" ? "w" : "a");
      const { size } = fstatSync(this.#fd);
      // The next line would be one with what is left of the last.
      if (size > wholeBytes) ftruncateSync(this.#fd, wholeBytes);
      if (wholeBytes === 0) writeSync(this.#fd, `${HEADER}\n`);
    } catch (error) {
      throw unusable(path, (error as Error).message, UNWRITABLE);
    }
  }

  /**
   * Adds the line of a target, at once. A target that was skipped or cancelled has no line: it is
   * not done.
   *
   * @throws {UsageError} `ERR_USAGE_JOBLOG`: the line cannot be written
   * @param index of the target among all, of which the result may name only the rest
   */
  add(index: number, result: FleetResult<unknown>, end: JobEnd): void {
    const isStopped =
      !result.ok &&
      (result.error instanceof SkippedError || result.error instanceof CancelledError);
    if (isStopped) return;
    const { startedAt, totalMs } = result.times;
    const signals: Readonly<Record<string, number>> = constants.signals;
    const signal = signals[end.signal ?? ""] ?? 0;
    const columns = [
      index + 1,
      result.target,
      (startedAt / 1000).toFixed(3),
      (totalMs / 1000).toFixed(3).padStart(10),
      end.sent ?? 0,
      end.received ?? 0,
      signal === 0 ? end.status : 0,
      signal,
      // A line has no end but its own.
      this.#commandOf(result.target).replace(/\n/g, "\0").replace(/\t/g, " "),
    ];
    try {
      const line = Buffer.from(`${columns.join("\t")}\n`);
      for (let at = 0; at < line.length; ) at += writeSync(this.#fd, line, at);
    } catch (error) {
      throw unusable(this.#path, (error as Error).message, UNWRITABLE);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** @returns the indices of the targets that are done */
function readDone(
  path: string,
  text: string,
  targets: readonly string[],
  resume: Resume,
): Set<number> {
  const done = new Set<number>();
  for (const [at, line] of text.split("\n").entries()) {
    if (line === "" || (at === 0 && line === HEADER)) continue;
    const [, seq, host, status, signal] = LINE.exec(line) ?? [];
    const where = `line ${at + 1}`;
    if (seq === undefined) throw unusable(path, `${where} is no line of a job log`);
    const index = Number(seq) - 1;
    const target = targets[index];
    if (target !== undefined && host !== target) {
      const problem = `${where} is of ${host}, and target ${seq} of this run is ${target}`;
      throw unusable(path, problem);
    }
    if (resume === "ended" || (status === "0" && signal === "0")) done.add(index);
  }
  return done;
}

/**
 * A run that ended by force, or a full disk, leaves a part of a line at the end: that target is not
 * done. A file that does not exist is empty.
 */
function wholeLinesOf(path: string): string {
  try {
    const text = readFileSync(path, "utf8");
    return text.startsWith(HEADER) ? text.slice(0, text.lastIndexOf("\n") + 1) : text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw unusable(path, (error as Error).message, UNWRITABLE);
  }
}

const OTHER_LOG = "resume with the log and the targets of the first run, or begin a new log";
const UNWRITABLE = "name a file that can be written and read, on a disk with room";

function unusable(path: string, problem: string, hint = OTHER_LOG): UsageError {
  return new UsageError("ERR_USAGE_JOBLOG", `job log ${path}: ${problem}\n  try: ${hint}`);
}
