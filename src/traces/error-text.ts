/**
 * One format for every thrown value: name and message, the lines of the user's files, then its
 * causes and the errors in it. Control characters are escaped, so a terminal can show it.
 */
import { EcontextError } from "../errors.ts";
import { neutralise } from "../text.ts";
import { isOwnFrame, userFrames } from "./call-site.ts";

/** The most errors in one text, because a chain of causes may have no end. */
const MAX_ERRORS = 100;
/** A frame of this process. Those of a remote traceback are indented more. */
const LOCAL_FRAME = /^ {4}at /;

/** The text of a thrown value. Never throws. */
export function errorText(thrown: unknown): string {
  try {
    return neutralise(format(thrown, new Set()));
  } catch {
    return "thrown: a value that cannot be shown";
  }
}

/** @param seen the errors that are in the text already */
function format(thrown: unknown, seen: Set<unknown>): string {
  if (!(thrown instanceof Error)) return `thrown: ${inspect(thrown)}`;
  seen.add(thrown);
  const parts = [headOf(thrown), ...stackOf(thrown)];
  const { cause, errors } = thrown as Error & { readonly errors?: unknown };
  const isNew = (error: unknown) => !seen.has(error) && seen.size < MAX_ERRORS;
  if (cause !== undefined && !isAbort(cause) && isNew(cause))
    parts.push(`caused by: ${format(cause, seen)}`);
  if (thrown instanceof AggregateError && Array.isArray(errors)) {
    errors.forEach((error, i) => {
      if (!isNew(error)) return;
      const text = `reason ${i + 1} of ${errors.length}: ${format(error, seen)}`;
      parts.push(text.replace(/^/gm, "  "));
    });
  }
  return parts.join("\n");
}

/** Loads node:util when it is needed: it would delay the start of every command. */
function inspect(thrown: unknown): string {
  return (require("node:util") as typeof import("node:util")).inspect(thrown);
}

/** Name and message. The message of an econtext error says enough without the name. */
function headOf(error: Error): string {
  if (error instanceof EcontextError) return error.message;
  const name = error.name === "Error" ? error.constructor?.name || error.name : error.name;
  return error.message === "" ? name : `${name}: ${error.message}`;
}

/** The lines of the user's files. */
function stackOf(error: Error): string[] {
  const stack = typeof error.stack === "string" ? error.stack : "";
  if (!(error instanceof EcontextError)) return userFrames(stack);
  // Such a stack holds no other lines (error-stack.ts), unless the runtime has replaced it.
  const lines = stack.replace(error.message, "").split("\n").slice(1);
  const isReplaced = lines.some((line) => LOCAL_FRAME.test(line) && isOwnFrame(line));
  if (!isReplaced) return lines;
  return lines.flatMap((line) => (LOCAL_FRAME.test(line) ? userFrames(line) : [line]));
}

/** Whether a cause is the default reason of an AbortSignal, which says nothing new. */
function isAbort(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === "AbortError";
}
