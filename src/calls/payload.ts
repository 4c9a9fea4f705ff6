/**
 * Bodies of calls: what `CALL_FUNCTION` holds, and what the reply to a failed call means.
 * Spec: docs/protocol.md, "CALL_FUNCTION". Twins: `run` in stage1/python/core/calls.py (with
 * failures.py) and stage1/javascript/core/main.js.
 */
import { CallError, ProtocolError } from "../errors.ts";
import type { DescribedFunction } from "../functions/describe-function.ts";
import type { ContextLink } from "../mux/context-link.ts";
import { decodeValue } from "../protocol/value.ts";
import type { CallLimits } from "./options.ts";

/**
 * Keyword arguments, as the last argument of a call:
 * `context.call("json.dumps", [1], kwargs({ indent: 2 }))`.
 */
export class Kwargs {
  readonly values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.values = values;
  }
}

/** Keyword arguments, as the last argument of a call. */
export function kwargs(values: Readonly<Record<string, unknown>>): Kwargs {
  return new Kwargs(values);
}

/** The names of a payload's parts in the path of an argument that cannot be sent. */
export const CALL_ROOT = ["function", "args", "kwargs", "options"] as const;

export interface PayloadOptions extends CallLimits {
  readonly withContext?: boolean | undefined;
}

/** @returns `[FUNCTION, ARGS, KWARGS, OPTIONS]`, without the last parts where they are empty */
export function callPayload(
  fn: DescribedFunction["function"],
  args: readonly unknown[],
  options: PayloadOptions,
): unknown[] {
  const last = args.at(-1);
  const canCancel = options.signal !== undefined && options.cancelsItself !== true;
  const isPlain = options.deadline === undefined && !canCancel;
  if (isPlain && options.withContext !== true && !(last instanceof Kwargs)) return [fn, args];
  const named = last instanceof Kwargs ? last.values : {};
  const positional = last instanceof Kwargs ? args.slice(0, -1) : args;
  const extra: Record<string, unknown> = {};
  if (options.deadline !== undefined) extra["deadline"] = options.deadline;
  if (options.withContext === true) extra["context"] = true;
  if (canCancel) extra["cancel"] = true;
  const payload: unknown[] = [fn, positional];
  const hasExtra = Object.keys(extra).length > 0;
  if (hasExtra || Object.keys(named).length > 0) payload.push(named);
  if (hasExtra) payload.push(extra);
  return payload;
}

/** @throws {ProtocolError} `ERR_PROTOCOL_VALUE`: the body is not three texts */
export function decodeFailure(link: ContextLink, body: Uint8Array): CallError {
  const value = decodeValue(body);
  if (!Array.isArray(value) || value.length !== 3 || !value.every((v) => typeof v === "string")) {
    throw new ProtocolError("ERR_PROTOCOL_VALUE", "a failure that is not three texts");
  }
  const [type, message, traceback] = value as [string, string, string];
  return new CallError(link.name, type, link.mapStack(message), link.mapStack(traceback));
}
