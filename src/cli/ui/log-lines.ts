/**
 * Log records as lines: `18:17:56 I web1: stdout: Linux`, or as JSON. Text from a slave is made
 * harmless for a terminal.
 */
import { type LogRecord, levelName, neutralise, oneLine } from "../../index.ts";
import { jsonText } from "./json.ts";

const COLOURS: Readonly<Record<string, number>> = {
  debug: 2,
  warning: 33,
  error: 31,
  critical: 31,
};

/** @param facts more members of a record as JSON */
export function logLines(
  record: LogRecord,
  format: "text" | "json",
  coloured: boolean,
  facts: object = {},
): string {
  return format === "json" ? jsonLine(record, facts) : textLines(record, coloured);
}

function textLines(record: LogRecord, coloured: boolean): string {
  const level = levelName(record.level);
  const time = new Date(record.time);
  // A slave may send a wrong time. That is no reason to lose the record.
  const clock = Number.isNaN(time.getTime()) ? "--:--:--" : time.toTimeString().slice(0, 8);
  const letter = level.slice(0, 1).toUpperCase();
  const head = `${clock} ${letter} ${oneLine(record.context)}: ${oneLine(record.logger)}: `;
  const colour = COLOURS[level];
  return neutralise(record.message)
    .split("\n")
    .map((line) => {
      const text = head + line;
      return coloured && colour !== undefined ? `\x1b[${colour}m${text}\x1b[0m\n` : `${text}\n`;
    })
    .join("");
}

function jsonLine(record: LogRecord, facts: object): string {
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
