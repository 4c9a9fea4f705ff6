/**
 * Calls as payloads: what `CALL_FUNCTION` holds, and what a reply means. Knows no stream and keeps no state.
 * Spec: docs/protocol.md, "CALL_FUNCTION". Twins: `run` in stage1/python/core.py (with failures.py) and stage1/js/core.js.
 */
import { CallError, ProtocolError, UsageError } from "../errors.ts";
import {
  type AnyFunction,
  type Described,
  describeFunction,
  functionName,
} from "../functions/registry.ts";
import { type Language, languageOfName, type Wants, wantsOf } from "../interpreters/kind.ts";
import { decodeValue } from "../protocol/value.ts";

export interface CallOptions {
  /** Milliseconds from now until the call is given up, here and over there. */
  readonly deadline?: number;
  /** Cancels the call, here and over there. */
  readonly signal?: AbortSignal;
  /** The function's first parameter is the slave's own ExternalContext. */
  readonly withContext?: boolean;
}

/** When to give up. */
export interface CallLimits {
  /** Milliseconds from now. */
  readonly deadline?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Keyword arguments, as the last argument of a call: `context.call("json.dumps", [1], kwargs({ indent: 2 }))`. */
export class Kwargs {
  readonly values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.values = values;
  }
}

export function kwargs(values: Readonly<Record<string, unknown>>): Kwargs {
  return new Kwargs(values);
}

/** A function of the program, or the name of one over there. */
export type Callable = AnyFunction | string;

/** The parameters that a caller gives when the first is the slave's own context. */
export type ParametersAfterContext<F extends AnyFunction> = F extends (
  context: never,
  ...rest: infer R
) => unknown
  ? R
  : never;

/** What a call gives: a generator of the function's can be iterated as it arrives. */
export type Result<F extends AnyFunction> = [ReturnType<F>] extends [never]
  ? Promise<never>
  : ReturnType<F> extends AsyncGenerator<infer T> | Generator<infer T>
    ? Promise<AsyncGenerator<T, void, undefined>> & AsyncIterable<T>
    : Promise<Awaited<ReturnType<F>>>;

/** What is called, as it goes over the wire, and how messages name it. */
export interface Callee {
  readonly name: string;
  readonly function: Described["function"];
  /** Undefined where the name alone does not tell. */
  readonly language: Language | undefined;
  /** The language to start a slave for that is not yet started. */
  readonly wants: Wants;
  /** Whether it is known to give a generator. */
  readonly generates: boolean;
  /** What it will import first, as far as it is certain. */
  readonly modules: readonly string[];
  /** The folder that its Python file is imported from. */
  readonly root?: string | undefined;
}

const WORD = "[\\p{ID_Start}_$][\\p{ID_Continue}$]*";
const PATH = new RegExp(`^${WORD}(?:\\.${WORD})*$`, "u");
/** `node:fs/promises.readFile` */
const BUILTIN = new RegExp(`^node:[a-z][a-z0-9_/-]*(?:\\.${WORD})+$`, "u");

/** By name, of the last that were read: most calls are to what was called before. */
const known = new Map<string, Callee>();
const MAX_KNOWN = 1000;

/** @throws {UsageError} `ERR_USAGE_FUNCTION`, `ERR_USAGE_CLOSURE` */
export function readCallee(fn: Callable): Callee {
  if (typeof fn === "string") return known.get(fn) ?? readName(fn);
  const { function: described, language, module, root } = describeFunction(fn);
  const modules = module === undefined ? [] : [module];
  const generates = /^(?:Async)?GeneratorFunction$/.test(fn.constructor.name);
  return {
    name: functionName(fn),
    function: described,
    language,
    wants: language,
    generates,
    modules,
    root,
  };
}

/** @throws {UsageError} `ERR_USAGE_FUNCTION` */
function readName(name: string): Callee {
  checkFunctionName(name);
  const [language, wants] = [languageOfName(name), wantsOf(name)];
  const callee = {
    name,
    function: name,
    modules: moduleCandidates(name),
    language,
    wants,
    generates: false,
  };
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(name, callee);
  return callee;
}

/** @throws {UsageError} `ERR_USAGE_FUNCTION` */
function checkFunctionName(name: string): void {
  if (BUILTIN.test(name)) return;
  const colon = name.lastIndexOf(":");
  const module = colon < 0 ? name : name.slice(0, colon);
  const isModule = PATH.test(module) || (colon > 0 && /^\/[^\0]*[^/\0]$/.test(module));
  if (isModule && (colon < 0 || PATH.test(name.slice(colon + 1)))) return;
  throw new UsageError(
    "ERR_USAGE_FUNCTION",
    `not a function's name: ${JSON.stringify(name)}; write module.function or module:Class.method`,
  );
}

/** A signal that is aborted when the first of both is. */
export function eitherSignal(
  a: AbortSignal | undefined,
  b: AbortSignal | undefined,
): AbortSignal | undefined {
  return a === undefined || b === undefined ? (a ?? b) : AbortSignal.any([a, b]);
}

/** What a timer can wait for. @throws {UsageError} `ERR_USAGE_DEADLINE` */
export function checkMilliseconds(what: string, value: number | undefined): void {
  if (value === undefined || (value >= 0 && value <= 0x7fffffff)) return;
  throw new UsageError("ERR_USAGE_DEADLINE", `${what}: not a time in milliseconds: ${value}`);
}

/** The module part of a function's name as far as it is certain; the rest may be modules or attributes. */
function moduleCandidates(name: string): string[] {
  if (name.startsWith("node:")) return [];
  const colon = name.lastIndexOf(":");
  if (colon >= 0) return [name.slice(0, colon)];
  const parts = name.split(".");
  return parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join("."));
}

/** How errors name the parts of a payload. */
export const CALL_ROOT = ["function", "args", "kwargs", "options"] as const;

export function callPayload(
  fn: Described["function"],
  args: readonly unknown[],
  options: CallLimits & { readonly withContext?: boolean },
): unknown[] {
  const last = args.at(-1);
  const isPlain = options.deadline === undefined && options.signal === undefined;
  if (isPlain && options.withContext !== true && !(last instanceof Kwargs)) return [fn, args];
  const named = last instanceof Kwargs ? last.values : {};
  const positional = last instanceof Kwargs ? args.slice(0, -1) : args;
  const extra: Record<string, unknown> = {};
  if (options.deadline !== undefined) extra["deadline"] = options.deadline;
  if (options.withContext === true) extra["context"] = true;
  if (options.signal !== undefined) extra["cancel"] = true;
  const payload: unknown[] = [fn, positional];
  const hasExtra = Object.keys(extra).length > 0;
  if (hasExtra || Object.keys(named).length > 0) payload.push(named);
  if (hasExtra) payload.push(extra);
  return payload;
}

/** @throws {ProtocolError} when it is not three texts */
export function decodeFailure(
  context: string,
  body: Uint8Array,
  mapStack: (text: string) => string,
): CallError {
  const value = decodeValue(body);
  if (!Array.isArray(value) || value.length !== 3 || !value.every((v) => typeof v === "string")) {
    throw new ProtocolError("ERR_PROTOCOL_VALUE", "a failure that is not three texts");
  }
  const [type, message, traceback] = value as [string, string, string];
  // The prefix told the far side that the file is not one of its own. Here it is one of the user's.
  return new CallError(context, type, mapStack(message), mapStack(traceback));
}
