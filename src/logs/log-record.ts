/**
 * Reads the body of a `FORWARD_LOG`. Spec: docs/protocol.md, "FORWARD_LOG". Twins: `log` in
 * stage1/python/core/logs.py and stage1/javascript/core/shared.js.
 */
import { ProtocolError } from "../errors.ts";

export interface LogMessage {
  readonly logger: string;
  readonly level: number;
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Whether the text is a piece of what was printed, with a character for each byte. */
  readonly isPart: boolean;
}

const decoder = new TextDecoder();

/**
 * Texts are output of user code, so they may hold anything: bytes that are not UTF-8 and lone
 * surrogates become U+FFFD.
 *
 * @throws {ProtocolError} the body is not `[LEVEL, LOGGER, TEXT, TIME]`, perhaps with a `PART`
 */
export function readLogMessage(body: Uint8Array): LogMessage {
  const value = parse(body);
  if (!Array.isArray(value) || value.length < 4 || value.length > 5) throw malformed();
  const [level, name, said, seconds, part] = value as unknown[];
  if (typeof level !== "number" || typeof name !== "string") throw malformed();
  if (typeof said !== "string" || typeof seconds !== "number") throw malformed();
  const time = seconds * 1000;
  // A Date holds 8.64e15 milliseconds at most.
  if (!Number.isFinite(level) || !(Math.abs(time) <= 8.64e15)) throw malformed();
  const isPart = part === 1;
  if (isPart && !isOutput(name)) throw malformed();
  return { logger: name.toWellFormed(), level, text: said.toWellFormed(), time, isPart };
}

/** Whether a logger is for what was printed. */
export function isOutput(logger: string): logger is "stdout" | "stderr" {
  return logger === "stdout" || logger === "stderr";
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
    "malformed log message: expected [level, logger, text, time, part]",
  );
}
