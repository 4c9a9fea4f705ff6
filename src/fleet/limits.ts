/** Checks the limits of a run, and computes numbers of targets from shares. */
import { checkMilliseconds } from "../calls/options.ts";
import { UsageError } from "../errors.ts";
import type { FleetLimits, Share } from "./result.ts";

/** @throws {UsageError} `ERR_USAGE_FLEET`, `ERR_USAGE_DEADLINE` */
export function checkLimits(limits: FleetLimits): void {
  checkMilliseconds("connectDeadline", limits.connectDeadline);
  checkMilliseconds("deadline", limits.deadline);
  checkWhole("window", limits.window, 1);
  checkWhole("retries", limits.retries, 0);
  checkShare("serial", limits.serial, 1);
  checkShare("maxFailures", limits.maxFailures, 0);
}

/** @returns the size of a batch: at least 1 */
export function batchOf(serial: Share | undefined, targets: number): number {
  return serial === undefined ? Number.POSITIVE_INFINITY : Math.max(1, part(serial, targets));
}

/** @returns the most failures with which further targets are begun */
export function failuresOf(most: Share | undefined, targets: number): number {
  return most === undefined ? Number.POSITIVE_INFINITY : part(most, targets);
}

function part(share: Share, targets: number): number {
  return typeof share === "number" ? share : Math.floor((percentOf(share) * targets) / 100);
}

function percentOf(share: string): number {
  const [, percent] = /^(\d+(?:\.\d+)?)%$/.exec(share) ?? [];
  return percent === undefined ? Number.NaN : Number(percent);
}

function checkShare(name: string, share: Share | undefined, least: number): void {
  if (typeof share !== "string") {
    checkWhole(name, share, least);
    return;
  }
  const percent = percentOf(share);
  if (percent <= 100 && (percent > 0 || least === 0)) return;
  throw wrong(name, share, 'a share of the targets: "25%"');
}

function checkWhole(name: string, value: number | undefined, least: number): void {
  if (value === undefined || value === Number.POSITIVE_INFINITY) return;
  if (Number.isSafeInteger(value) && value >= least) return;
  throw wrong(name, value, `a whole number, ${least} or more`);
}

function wrong(name: string, value: unknown, expected: string): UsageError {
  const got = typeof value === "string" ? JSON.stringify(value) : String(value);
  return new UsageError("ERR_USAGE_FLEET", `${name}: expected ${expected}, got ${got}`);
}
