/**
 * How the results of a run are shown: each way to show them is a `Report`. A run tells its report
 * what each target prints, what it returns, and how it ended. Types only.
 */

export interface TargetPlace {
  readonly target: string;
  /** The index of the target among those of the run. */
  readonly index: number;
}

/** What a target has to show while it runs. Each promise is the reader's pace. */
export interface TargetOutput {
  /** @param chunk is the caller's again afterwards */
  write(stream: Stream, chunk: Uint8Array): Promise<void>;
  /** The value of a call, or one of the values of a generator. */
  value(value: unknown): Promise<void>;
}

export type Stream = "stdout" | "stderr";

/** How the work on a target ended. */
export interface TargetEnd extends TargetPlace {
  /** 0: it succeeded. */
  readonly status: number;
  /** The name of the signal that ended the command. */
  readonly signal?: string | undefined;
  /** Why it failed, if that was no command's own status. */
  readonly error?: unknown;
  /** What a person is told about a failure: lines that are safe for a terminal. */
  readonly text?: string | undefined;
  /** A person was told about it already. */
  readonly isTold?: boolean;
  /** The hop on the way that failed. */
  readonly hop?: string | undefined;
  readonly attempts: number;
  readonly times: {
    readonly startedAt: number;
    readonly connectMs?: number;
    readonly workMs?: number;
    readonly totalMs: number;
  };
}

export interface Report {
  /** The work on a target begins. */
  open(place: TargetPlace): TargetOutput;
  /** Called once for each target, in the order in which they end. */
  ended(end: TargetEnd): Promise<void>;
  /** All targets have ended, or the run was stopped. */
  conclude(): Promise<void>;
}
