/**
 * Log records as lines: `18:17:56 I web1: stdout: Linux`, or as JSON. Text from a slave is made
 * harmless for a terminal.
 */
import { type LogRecord, levelName, neutralise, oneLine } from "../../index.ts";
import type { Output } from "../host.ts";
import { jsonText } from "./json.ts";
import { wrapFor } from "./wrap.ts";

const COLOURS: Readonly<Record<string, number>> = {
  debug: 2,
  warning: 33,
  error: 31,
  critical: 31,
};

/** @returns the lines for this output */
export function logLines(to: Output, record: LogRecord, format: "text" | "json"): string {
  return format === "json" ? jsonLine(record) : textLines(to, record);
}

function textLines(to: Output, record: LogRecord): string {
  const level = levelName(record.level);
  const time = new Date(record.time);
  // A slave may send a wrong time. That is no reason to lose the record.
  const clock = Number.isNaN(time.getTime()) ? "--:--:--" : time.toTimeString().slice(0, 8);
  const letter = level.slice(0, 1).toUpperCase();
  const names = [record.context, record.logger].filter((name) => name !== "").map(oneLine);
  const head = `${clock} ${letter} ${names.join(": ")}: `;
  const colour = COLOURS[level];
  // What a slave has printed stays as it was printed.
  const isOwn = record.logger === "econtext";
  return neutralise(record.message)
    .split("\n")
    .map((line) => {
      const text = isOwn ? wrapFor(to, head + line) : head + line;
      return to.coloured && colour !== undefined ? `\x1b[${colour}m${text}\x1b[0m\n` : `${text}\n`;
    })
    .join("");
}

/** @param facts more members of the record */
export function jsonLine(record: LogRecord, facts: object = {}): string {
  const time = new Date(record.time);
  const { context, logger, message } = record;
  return `${jsonText({
    time: Number.isNaN(time.getTime()) ? null : time.toISOString(),
    level: levelName(record.level),
    context,
    logger,
    message,
    ...facts,
  })}\n`;
}
