/** The argument vector that starts a slave: the first stage, with or without finding the interpreter itself. */
import { FIND_PYTHON, PYTHON_CORE, PYTHON_FIRST_STAGE } from "./stage1.ts";

/** What `FIND_PYTHON` tries, in order; for messages. */
export const TRIED = ["python3", "python", "python2"] as const;

/** Exit statuses of the first stage itself. docs/protocol.md, "Bootstrap". */
export const NO_INTERPRETER = 97;
export const TOO_OLD = 98;
export const CUT_SHORT = 99;

/**
 * A constant of the build: nothing in it differs from host to host, so it can be audited and allow-listed.
 * `-B`: nothing on disk. `-S`: `site` costs a third of the start, and is taken in when it is needed.
 */
export function firstStage(settings: { readonly interpreter?: string | undefined } = {}): string[] {
  const stage = [PYTHON_FIRST_STAGE, String(PYTHON_CORE.length)];
  if (settings.interpreter !== undefined) return [settings.interpreter, "-BSc", ...stage];
  return ["sh", "-c", FIND_PYTHON, "sh", ...stage];
}
