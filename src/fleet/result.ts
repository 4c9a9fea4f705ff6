/** What a run on a fleet takes and gives: options, results and events. Types only. */
import type { ConnectOptions } from "../context/connect-options.ts";
import type { Context } from "../context/context.ts";

/** A number of targets, or a share of all targets: `"25%"`. */
export type Share = number | `${number}%`;

/** How a fleet does its work. */
export interface FleetLimits {
  /**
   * The most targets that are worked on at the same time. Default: what this machine can bear,
   * computed from its processors, its memory, and the limits of this process.
   */
  readonly window?: number;
  /**
   * Targets are taken in batches of this size: a batch begins when all targets of the batch before
   * have ended. A share is rounded down, to at least one target.
   */
  readonly serial?: Share;
  /** The first failure ends the run: what runs is cancelled, and the other targets are skipped. */
  readonly failFast?: boolean;
  /**
   * When more targets than this have failed, no further target is begun. What runs goes on to its
   * end. 0 stops at the first failure.
   */
  readonly maxFailures?: Share;
  /**
   * How often connecting is tried again after a failure that may pass: the host did not answer, or
   * closed the connection. A wrong host key or password is never tried again. Default 0.
   */
  readonly retries?: number;
  /** Milliseconds until a target must have answered. Default 60,000. */
  readonly connectDeadline?: number;
  /** Milliseconds for the work on one target, from the moment when the target has answered. */
  readonly deadline?: number;
  /** Ends the run when it is aborted: what runs is cancelled, and the other targets are skipped. */
  readonly signal?: AbortSignal;
  /**
   * Lets the run come to its end when it is aborted: no further target is begun, connecting is
   * given up, and the work that runs goes on.
   */
  readonly drain?: AbortSignal;
  /** Told how each target gets on. Must not throw. */
  readonly onEvent?: (event: FleetEvent) => void;
}

/** Options of a fleet: of its runs, and of each `connect`. */
export interface FleetOptions extends FleetLimits, Omit<ConnectOptions, "deadline" | "name"> {}

/** The place of one target in a run. */
export interface FleetPlace {
  readonly target: string;
  /** The index of the target in the fleet. */
  readonly index: number;
}

/** What the work on one target may use. */
export interface FleetTurn extends FleetPlace {
  /** 1, and one more with each retry: the work is begun anew. */
  readonly attempt: number;
  /** Aborted when the work shall end: the deadline has passed, or the run is stopped. */
  readonly signal: AbortSignal;
}

/** The work on one target. The context is closed when the work has ended. */
export type FleetWork<T> = (context: Context, turn: FleetTurn) => T | Promise<T>;

/** Times of one target, in milliseconds. */
export interface FleetTimes {
  /** Since 1970; the others are durations. */
  readonly startedAt: number;
  /** Of the last attempt, until the target answered; absent if it never did. */
  readonly connectMs?: number;
  /** From the answer to the end of the work; absent without an answer. */
  readonly workMs?: number;
  /** From the first attempt to the end of the work. */
  readonly totalMs: number;
}

/** Where and when a result was made. */
interface FleetRecord extends FleetPlace {
  /** How often connecting was tried; 0: the target was skipped. */
  readonly attempts: number;
  readonly times: FleetTimes;
}

/** The work on a target was done. */
export interface FleetSuccess<T> extends FleetRecord {
  readonly ok: true;
  readonly value: T;
}

/** The work on a target failed, or was not begun. */
export interface FleetFailure extends FleetRecord {
  readonly ok: false;
  /** What the work threw, or why the target was not reached or was skipped. */
  readonly error: unknown;
  /** The hop on the way that failed; absent if the target itself did. */
  readonly hop?: string;
}

/** What became of one target. */
export type FleetResult<T> = FleetSuccess<T> | FleetFailure;

/** A target has come to another stage. */
export interface FleetEvent extends FleetPlace {
  /**
   * `running`: the target has answered. `retrying`: connecting failed and is tried again. The last
   * three are the end of a target.
   */
  readonly type: "connecting" | "running" | "retrying" | "done" | "failed" | "skipped";
  /** Why, with `retrying`, `failed` and `skipped`. */
  readonly error?: unknown;
}
