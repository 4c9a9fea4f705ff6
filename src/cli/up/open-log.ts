/** The log of `econtext up`, while a person waits for it. */
import { LEVELS, type LogRecord } from "../../index.ts";
import type { Host } from "../host.ts";
import { readLogFormat, readLogLevel } from "../option-values.ts";
import type { Flags } from "../parse-line.ts";
import { logLines } from "../ui/log-lines.ts";

/** A log of contexts that last longer than the command that shows it. */
export interface OpenLog {
  /** Shows a record, until `end` is called. */
  show(record: LogRecord): void;
  end(): void;
}

/** @throws {Usage} */
export function openLog(flags: Flags, { stderr }: Host): OpenLog {
  const lowest = LEVELS[readLogLevel("up", flags)];
  const format = readLogFormat("up", flags);
  let isOpen = true;
  /** What concerns no target is told once, and not for each of them. */
  const general = new Set<string>();
  return {
    show: (record) => {
      if (!isOpen || record.level < lowest) return;
      if (record.context === "" && general.has(record.message)) return;
      if (record.context === "") general.add(record.message);
      stderr.write(logLines(stderr, record, format)).catch(() => {});
    },
    end: () => {
      isOpen = false;
    },
  };
}
