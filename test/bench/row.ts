/**
 * What a measurement gives: one row, with each peer's samples and the bounds that ours is to hold.
 *
 * Owns the statistics and the verdicts. Knows neither how anything was measured nor how it is
 * shown.
 */
import type { PeerName } from "./lab.ts";

export type Samples = Partial<Record<PeerName, number[]>>;

/** Ours over `versus`, or ours alone where there is none. An aim is hoped for and not demanded. */
export interface Bound {
  readonly versus?: PeerName;
  readonly atMost?: number;
  readonly atLeast?: number;
  readonly aim?: true;
}

export interface Row {
  readonly group: string;
  readonly title: string;
  readonly unit: string;
  readonly samples: Samples;
  /** Which quantile of the samples the row shows; the median by default. */
  readonly quantile?: number;
  readonly bounds?: readonly Bound[];
}

export function quantile(samples: readonly number[], q: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/** @returns undefined for a peer that was not measured. */
export function shown(row: Row, peer: PeerName): number | undefined {
  const samples = row.samples[peer];
  if (samples === undefined || samples.length === 0) return undefined;
  return quantile(samples, row.quantile ?? 0.5);
}

/** @returns undefined when either side was not measured. */
export function ratio(row: Row, versus: PeerName): number | undefined {
  const ours = shown(row, "ours");
  const theirs = shown(row, versus);
  return ours === undefined || theirs === undefined ? undefined : ours / theirs;
}

export type Verdict = "ok" | "over" | "not measured";

export function judge(row: Row, bound: Bound): { value: number | undefined; verdict: Verdict } {
  const value = bound.versus === undefined ? shown(row, "ours") : ratio(row, bound.versus);
  if (value === undefined) return { value, verdict: "not measured" };
  const held = value <= (bound.atMost ?? Infinity) && value >= (bound.atLeast ?? -Infinity);
  return { value, verdict: held ? "ok" : "over" };
}
