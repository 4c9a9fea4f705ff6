/**
 * One format for everything that was thrown: name and message, the lines of the user's files, then
 * what caused it and what it holds. Fit for a terminal.
 */
import { inspect } from "node:util";
import { EcontextError } from "../errors.ts";
import { neutralise } from "../text.ts";
import { userFrames } from "./call-site.ts";

/** Errors are told up to here: causes may have no end. */
const MAX_ERRORS = 100;

/** Never fails, whatever was thrown. */
export function errorText(thrown: unknown): string {
  try {
    return neutralise(tell(thrown, new Set()));
  } catch {
    return "thrown: something that cannot be told";
  }
}

function tell(thrown: unknown, told: Set<unknown>): string {
  if (!(thrown instanceof Error)) return `thrown: ${inspect(thrown)}`;
  told.add(thrown);
  const parts = [headOf(thrown), ...stackOf(thrown)];
  const { cause, errors } = thrown as Error & { readonly errors?: unknown };
  const isNew = (error: unknown) => !told.has(error) && told.size < MAX_ERRORS;
  if (cause !== undefined && !isAbort(cause) && isNew(cause))
    parts.push(`caused by: ${tell(cause, told)}`);
  if (thrown instanceof AggregateError && Array.isArray(errors)) {
    errors.forEach((error, i) => {
      if (!isNew(error)) return;
      const text = `reason ${i + 1} of ${errors.length}: ${tell(error, told)}`;
      parts.push(text.replace(/^/gm, "  "));
    });
  }
  return parts.join("\n");
}

/** econtext's own errors say by their message what failed and where: as each command prints it. */
function headOf(error: Error): string {
  if (error instanceof EcontextError) return error.message;
  const name = error.name === "Error" ? error.constructor?.name || error.name : error.name;
  return error.message === "" ? name : `${name}: ${error.message}`;
}

/** Where it came from, in the user's files. */
function stackOf(error: Error): string[] {
  const stack = typeof error.stack === "string" ? error.stack : "";
  // Of econtext's own errors, it is all that is told.
  if (error instanceof EcontextError) return stack.replace(error.message, "").split("\n").slice(1);
  return userFrames(stack);
}

/** An AbortSignal's own reason: that it was aborted. */
function isAbort(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === "AbortError";
}
