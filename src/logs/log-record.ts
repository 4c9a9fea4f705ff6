/**
 * From the body of a `FORWARD_LOG` to log records. Spec: docs/protocol.md, "FORWARD_LOG". Twins:
 * `log` in stage1/python/core/logs.py and stage1/javascript/core/shared.js.
 */
import { ProtocolError } from "../errors.ts";
import type { LogRecord } from "./log.ts";

const decoder = new TextDecoder();

/**
 * Texts are output of user code, so they may hold anything: bytes that are not UTF-8 and lone
 * surrogates become U+FFFD.
 *
 * @throws {ProtocolError} the body is not `[LEVEL, LOGGER, TEXT, TIME]`
 */
export function readLogMessage(context: string, body: Uint8Array): LogRecord[] {
  const value = parse(body);
  if (!Array.isArray(value) || value.length !== 4) throw malformed();
  const [level, name, said, seconds] = value as unknown[];
  if (typeof level !== "number" || typeof name !== "string") throw malformed();
  if (typeof said !== "string" || typeof seconds !== "number") throw malformed();
  const time = seconds * 1000;
  // A Date holds 8.64e15 milliseconds at most.
  if (!Number.isFinite(level) || !(Math.abs(time) <= 8.64e15)) throw malformed();
  const [logger, text] = [name.toWellFormed(), said.toWellFormed()];
  if (logger !== "stdout" && logger !== "stderr") {
    return [{ context, logger, level, message: text, time }];
  }
  return linesOf(text).map((message) => ({ context, logger, level, message, time }));
}

/** @returns the lines of some output; the line end of the last one begins no other */
export function linesOf(text: string): string[] {
  return (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(body));
  } catch {
    throw malformed();
  }
}

function malformed(): ProtocolError {
  return new ProtocolError(
    "ERR_PROTOCOL_VALUE",
    "malformed log message: expected [level, logger, text, time]",
  );
}
