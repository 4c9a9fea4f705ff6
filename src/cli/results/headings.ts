/** The lines above the output of one target, or of several with the same output. */
import { oneLine } from "../../index.ts";
import { compress } from "../../sets/fold-names.ts";
import type { Output } from "../host.ts";
import { reasonOf } from "./reasons.ts";
import type { TargetEnd } from "./report.ts";

const BOLD = "\x1b[1m";
const RED = "\x1b[1;31m";
const PLAIN = "\x1b[0m";

/**
 * As `head` and `tail` mark several files: `==> web[1-18] (18) <==`.
 *
 * @param ends of targets that ended alike; at least one
 * @param what is below, if that is not the output: `stderr`
 */
export function heading(ends: readonly TargetEnd[], to: Output, what = ""): string {
  const [first] = ends as readonly [TargetEnd];
  const count = ends.length === 1 ? "" : ` (${ends.length})`;
  const reason = first.status === 0 ? "" : `: ${reasonOf(first)}`;
  const below = what === "" ? "" : `, ${what}`;
  const text = oneLine(
    `==> ${compress(ends.map(({ target }) => target))}${count}${reason}${below} <==`,
  );
  if (!to.coloured) return `${text}\n`;
  return `${first.status === 0 ? BOLD : RED}${text}${PLAIN}\n`;
}
