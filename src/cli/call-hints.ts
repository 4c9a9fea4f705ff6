/** Advice for calls that failed because of how FUNCTION was written. */
import { CallError, type EcontextError, UsageError } from "../index.ts";

/** The messages of contexts that have no such function. */
const MISSING = /^no builtin function |is not (?:a function|defined)$/;
const BARE = /^[\p{ID_Continue}]+$/u;

export interface Written {
  readonly target: string;
  /** FUNCTION. */
  readonly name: string;
  /** Whether the first ARG looks like a FUNCTION. */
  readonly isFollowed: boolean;
}

/** @returns the error with a message that says what to write, or the same error without advice */
export function hinted(error: unknown, { target, name, isFollowed }: Written): unknown {
  if (error instanceof UsageError) {
    if (error.code !== "ERR_USAGE_FUNCTION") return error;
    return reworded(error, `${error.message}, or FILE.py:function`);
  }
  const isMissing = error instanceof CallError && MISSING.test(error.remoteMessage);
  if (!isMissing || !BARE.test(name)) return error;
  const advice = isFollowed
    ? `${name} is taken as the FUNCTION; several targets: ${target},${name}, or ${target} ${name} -- FUNCTION`
    : `no function ${name}: write module.function, or FILE.py:function`;
  return reworded(error, `${target}: ${advice}`);
}

/** @returns the error with another message, and without its traceback, which says less */
function reworded(error: EcontextError, message: string): EcontextError {
  return Object.create(error, {
    message: { value: message },
    remoteMessage: { value: message },
    traceback: { value: "" },
  });
}
