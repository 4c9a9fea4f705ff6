/**
 * Rows as a table for a terminal: each peer's value, what ours is of it, and the bounds with their
 * verdicts.
 */
import { PEERS, type PeerName } from "./lab.ts";
import { type Bound, judge, type Row, ratio, shown } from "./row.ts";

const TITLE_WIDTH = 38;
const CELL_WIDTH = 15;

/** Three digits are all that such a measurement has. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return "?";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

export function header(): string {
  const names = PEERS.map((name) => name.padStart(CELL_WIDTH)).join("");
  return `${"medians; in brackets, ours over it".padEnd(TITLE_WIDTH)}${names}`;
}

export function line(row: Row): string {
  const unit = row.unit === "" ? "" : `, ${row.unit}`;
  const title = `${row.group} ${row.title}${unit}`.padEnd(TITLE_WIDTH);
  const cells = PEERS.map((peer) => cell(row, peer).padStart(CELL_WIDTH)).join("");
  const bounds = (row.bounds ?? []).map((bound) => verdict(row, bound)).join("; ");
  return bounds === "" ? `${title}${cells}` : `${title}${cells}\n    ${bounds}`;
}

function cell(row: Row, peer: PeerName): string {
  const value = shown(row, peer);
  if (value === undefined) return "-";
  const times = peer === "ours" ? undefined : ratio(row, peer);
  return times === undefined || value === 0 ? digits(value) : `${digits(value)} (${digits(times)})`;
}

function verdict(row: Row, bound: Bound): string {
  const sign = bound.atLeast === undefined ? "≤" : "≥";
  const limit = bound.atLeast ?? bound.atMost ?? Number.NaN;
  const asked =
    bound.versus === undefined
      ? `${sign} ${limit.toLocaleString("en-US")}`
      : `${sign} ${String(limit)}× ${bound.versus}`;
  const { value, verdict: found } = judge(row, bound);
  const name = bound.aim ? "aim" : "bound";
  if (value === undefined) return `${name} ${asked}: ${found}`;
  return `${name} ${asked}: ${digits(value)} ${found === "over" ? "OVER" : found}`;
}
