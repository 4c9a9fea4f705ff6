/** From the flags of a command line to the way in which its results are shown. */
import type { Host } from "../host.ts";
import type { Flags } from "../parse-line.ts";
import { Usage } from "../report-error.ts";
import { Alone } from "./alone.ts";
import { Folded } from "./folded.ts";
import { Grouped } from "./grouped.ts";
import { OutDir } from "./outdir.ts";
import { Prefixed } from "./prefixed.ts";
import { Records, type Yield } from "./records.ts";
import type { Report, TargetEnd } from "./report.ts";

export type Way = "alone" | "prefixed" | "group" | "fold" | "outdir" | "json";

/**
 * @param isBare a single target's value is shown as JSON without a record around it
 * @throws {Usage} two ways are chosen
 */
export function readWay(command: string, flags: Flags, count: number, isBare: boolean): Way {
  const isAlone = count === 1;
  const given = (["group", "fold", "outdir", "json"] as const).filter(
    (name) => flags[name] !== undefined && flags[name] !== false,
  );
  const [way, other] = given;
  if (way !== undefined && other !== undefined) {
    throw new Usage(command, `--${way} and --${other}: give one of them`);
  }
  if (flags["diff"] === true && way !== "fold") {
    throw new Usage(command, "--diff needs --fold: it compares with the largest group");
  }
  if (way === "json" && isAlone && isBare) return "alone";
  return way ?? (isAlone ? "alone" : "prefixed");
}

export interface ReportParts {
  readonly way: Way;
  readonly flags: Flags;
  readonly targets: readonly string[];
  readonly host: Host;
  /** What takes the status line away, before other output. */
  readonly erased: () => string;
  /** Shows a failure on stderr. */
  readonly tell: (end: TargetEnd) => Promise<void>;
  readonly yields: () => Yield;
  readonly pathOf: (target: string) => string;
}

/** @throws {Usage} the folder of --outdir cannot be made */
export function makeReport(command: string, parts: ReportParts): Report {
  const { way, flags, targets, host, erased, tell, yields, pathOf } = parts;
  switch (way) {
    case "alone":
      return new Alone(host, flags["json"] === true, tell);
    case "prefixed":
      return new Prefixed(host, { targets, erased, tell });
    case "group":
      return new Grouped(host, erased);
    case "fold":
      return new Folded(host, { isDiff: flags["diff"] === true, erased });
    case "json":
      return new Records({ host, yields, pathOf, erased });
    case "outdir":
      try {
        return new OutDir(host.path(String(flags["outdir"])), targets, tell);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        throw new Usage(command, `--outdir ${String(flags["outdir"])}: ${why}`);
      }
  }
}
