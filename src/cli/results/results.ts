/**
 * The results of one run, as its user sees them: the report, the status line, failures on stderr,
 * the job log and the closing line. Knows no context.
 */
import { JobLog } from "../../fleet/joblog.ts";
import type { FleetEvent, FleetResult } from "../../fleet/result.ts";
import { oneLine } from "../../index.ts";
import { factsOf } from "../error-facts.ts";
import type { Host } from "../host.ts";
import type { Flags } from "../parse-line.ts";
import { statusOf, Usage } from "../report-error.ts";
import type { Failures } from "../ui/failures.ts";
import { writeAbove } from "../ui/write-above.ts";
import { makeReport, type Way } from "./choose.ts";
import { openLine } from "./connecting.ts";
import { Progress } from "./progress.ts";
import { statusText } from "./reasons.ts";
import type { Yield } from "./records.ts";
import type { Report, TargetEnd, TargetOutput, TargetPlace } from "./report.ts";

export type { TargetOutput, Yield };

/** How the work on a target ended, if it threw nothing. */
export interface TargetEnding {
  /** 0: it succeeded. */
  readonly status: number;
  /** The name of the signal that ended the command. */
  readonly signal?: string | undefined;
  /** What a person is told about a failure: lines that are safe for a terminal. */
  readonly text?: string | undefined;
  /** A person was told about the failure already. */
  readonly isTold?: boolean;
  /** Why it failed, if that was no command's own status. */
  readonly error?: unknown;
}

export interface ResultsParts {
  readonly command: string;
  readonly flags: Flags;
  readonly targets: readonly string[];
  readonly host: Host;
  readonly way: Way;
  readonly yields: () => Yield;
  readonly pathOf: (target: string) => string;
  readonly failures: Failures;
  /** What takes other status lines away. */
  readonly erased: () => string;
  /** The command line of one target, for the job log. */
  readonly lineOf: (target: string) => string;
}

export class Results {
  readonly #parts: ResultsParts;
  readonly #report: Report;
  readonly #progress: Progress;
  readonly #line: ReturnType<typeof openLine>;
  #log: JobLog | undefined;
  /** The targets of this run: all of them, or those that the job log leaves. */
  readonly #indices: readonly number[];
  #highest = 0;
  /** The highest status of the targets that --fail-fast has cancelled. */
  #cancelled = 0;

  /** @throws {Usage} options that contradict each other, or a file that cannot be used */
  constructor(parts: ResultsParts) {
    this.#parts = parts;
    const { targets, host, command, failures } = parts;
    this.#log = openJobLog(parts);
    this.#indices = this.#log?.rest ?? [...targets.keys()];
    this.#progress = new Progress(this.targets.length, performance.now());
    this.#line = openLine(host.stderr, targets, this.#progress);
    const erased = (): string => this.erased();
    const tell = async (end: TargetEnd): Promise<void> => {
      const { target, error } = end;
      const text = end.text ?? this.#statusText(end);
      if (text !== undefined) failures.say(target, text, { target, ...factsOf(error) });
    };
    const own = { ...parts, targets: this.targets, erased, tell };
    this.#report = makeReport(command, own);
  }

  /** The targets that are worked on. */
  get targets(): readonly string[] {
    return this.#indices.map((index) => this.#parts.targets[index] as string);
  }

  /** The highest status of the targets that have failed by themselves, if there are any. */
  get status(): number {
    return this.#highest || this.#cancelled;
  }

  /** @returns what takes the status lines away, to be written before other output */
  erased(): string {
    return this.#line.erased() + this.#parts.erased();
  }

  /** Takes the status line away for a question. @returns what shows it again */
  freeTerminal(again: () => void): () => void {
    return this.#line.pause(again);
  }

  /** Writes lines to stdout. */
  print(text: string): Promise<void> {
    return writeAbove(this.#parts.host, "stdout", () => this.erased(), text);
  }

  event(event: FleetEvent): void {
    this.#line.event(event);
    if (event.type === "running") void this.answered();
  }

  /**
   * Takes away the line that says that the only target has not answered. Resolves when it is off
   * the screen: the target's output must not come before.
   */
  async answered(): Promise<void> {
    if (this.#parts.targets.length === 1) await this.#line.end();
  }

  open(place: TargetPlace): TargetOutput {
    return this.#report.open(place);
  }

  /** @param problem the error as the user is told it */
  async ended(result: FleetResult<TargetEnding>, problem: unknown, text?: string): Promise<void> {
    const { target, index, attempts, times } = result;
    const ending: TargetEnding = result.ok ? result.value : { status: statusOf(result.error) };
    const end: TargetEnd = {
      target,
      index,
      attempts,
      times,
      text,
      ...ending,
      ...(result.ok ? {} : { error: problem, hop: result.hop }),
    };
    const isByOther =
      this.#parts.flags["fail-fast"] === true && factsOf(end.error).code === "ERR_CANCELLED";
    if (isByOther) this.#cancelled = Math.max(this.#cancelled, end.status);
    else this.#highest = Math.max(this.#highest, end.status);
    this.#logged(result, end);
    this.#progress.ended(end);
    await this.#report.ended(end);
  }

  /** A log that cannot be written is told once. The results are worth more than the log. */
  #logged(result: FleetResult<TargetEnding>, end: TargetEnd): void {
    try {
      this.#log?.add(this.#indices[result.index] as number, result, end);
    } catch (error) {
      this.#log?.close();
      this.#log = undefined;
      this.#highest = Math.max(this.#highest, statusOf(error));
      const goesOn = "the run goes on; --resume cannot know what ends from now on";
      const [problem = ""] = (error as Error).message.split("\n  try: ");
      this.#parts.failures.say("", `${oneLine(problem)}; ${goesOn}`);
    }
  }

  /** @returns that a command has failed, where nothing else says so */
  #statusText(end: TargetEnd): string | undefined {
    const isKnown = end.status === 0 || end.error !== undefined || end.isTold === true;
    return isKnown || this.#parts.way === "alone" ? undefined : statusText(end);
  }

  /** @param isStopped the user ended the run, and gets no more than what is there */
  async conclude(isStopped: boolean): Promise<void> {
    await this.#line.end();
    this.#log?.close();
    await this.#report.conclude();
    const { failures, targets } = this.#parts;
    const closing = this.#progress.closing(this.#line.isShown, performance.now());
    const isNews = targets.length > 1 && (!isStopped || this.#line.isShown);
    if (closing !== undefined && isNews) failures.say("", closing);
    else this.#parts.host.stderr.write(this.erased()).catch(() => {});
  }
}

function openJobLog({ command, flags, targets, host, lineOf }: ResultsParts): JobLog | undefined {
  const isEnded = flags["resume"] === true;
  const isFailed = flags["resume-failed"] === true;
  const file = flags["joblog"];
  if (command === "cp" || typeof file !== "string") {
    if (command !== "cp" && (isEnded || isFailed)) {
      throw new Usage(command, "--resume needs --joblog FILE, the log of the run before");
    }
    return undefined;
  }
  const resume = isFailed ? "succeeded" : isEnded ? "ended" : "none";
  return new JobLog(host.path(file), targets, lineOf, resume);
}
