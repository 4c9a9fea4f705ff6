/**
 * On how many versions of its kind a row runs. A row says it by its name:
 *
 *     test("…", …)          the oldest and the newest version by a pipe, the newest by ssh
 *     everyVersion("…", …)  every version by a pipe, the oldest and the newest by ssh
 *
 * Take `everyVersion` for what rests on something of the interpreter's own, or on the way to it;
 * take `test` for what cannot differ between versions, nor between the ways. So each row runs on
 * each kind, and on each way to it.
 */
import { test } from "bun:test";
import { sample } from "../helpers/sample.ts";

type Declare = (title: string, fn: () => Promise<void> | void, timeoutMs?: number) => void;

export interface Row extends Declare {
  /** For interpreters that have what the row is about. */
  if(condition: boolean): Declare;
}

/** The words for rows that a table gets, for one version and one way. */
export interface Rows {
  readonly test: Row;
  readonly everyVersion: Row;
}

// What is not declared is not skipped either: another version runs it, or it is not about this one.
const nothing = () => {};
const leftOut: Row = Object.assign(nothing, { if: () => nothing });
const row: Row = Object.assign<Declare, Pick<Row, "if">>((...args) => test(...args), {
  if: (condition) => (condition ? test : nothing),
});

/** @param versions are those that this machine has, the oldest first */
export function rowsByPipe<T>(version: T, versions: readonly T[]): Rows {
  return { test: sample(versions).includes(version) ? row : leftOut, everyVersion: row };
}

/** @param version is one of the sample */
export function rowsBySsh<T>(version: T, versions: readonly T[]): Rows {
  return { test: version === versions.at(-1) ? row : leftOut, everyVersion: row };
}

/** Of a kind that has one version. */
export const ALL_ROWS: Rows = { test: row, everyVersion: row };

/** What every version runs, and nothing else. */
export const EVERY_VERSION_ROWS: Rows = { test: leftOut, everyVersion: row };

/**
 * The same but for the rows with such titles; and each of them may fail in a way that `excuse` says
 * is none of ours.
 */
export function without(
  rows: Rows,
  titles: readonly RegExp[],
  excuse: (error: unknown) => boolean,
): Rows {
  const excused = (fn: () => Promise<void> | void) => async (): Promise<void> => {
    try {
      await fn();
    } catch (error) {
      if (!excuse(error)) throw error;
    }
  };
  const filter = (declare: Declare): Declare => {
    return (title, fn, timeoutMs) => {
      if (!titles.some((one) => one.test(title))) declare(title, excused(fn), timeoutMs);
    };
  };
  const but = (row: Row): Row =>
    Object.assign(filter(row), { if: (condition: boolean) => filter(row.if(condition)) });
  return { test: but(rows.test), everyVersion: but(rows.everyVersion) };
}
