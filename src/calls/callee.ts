/** Callee: the function of a call, read from the program's own function or from a name. */
import { UsageError } from "../errors.ts";
import { type DescribedFunction, describeFunction } from "../functions/describe-function.ts";
import { type AnyFunction, functionName } from "../functions/registry.ts";
import { type Language, languageOfName, type Wants, wantsOf } from "../interpreters/kind.ts";

/** A function of the program, or the name of a function on the remote side. */
export type Callable = AnyFunction | string;

/** The parameters that a caller gives, if the first one is the slave's own context. */
export type ParametersAfterContext<F extends AnyFunction> = F extends (
  context: never,
  ...rest: infer R
) => unknown
  ? R
  : never;

/** The result of a call: the values of a generator function can be iterated as they arrive. */
export type Result<F extends AnyFunction> = [ReturnType<F>] extends [never]
  ? Promise<never>
  : ReturnType<F> extends AsyncGenerator<infer T> | Generator<infer T>
    ? Promise<AsyncGenerator<T, void, undefined>> & AsyncIterable<T>
    : Promise<Awaited<ReturnType<F>>>;

/** The function of a call, in the form in which it is sent. */
export interface Callee {
  /** How messages name it. */
  readonly name: string;
  readonly function: DescribedFunction["function"];
  /** Undefined if the name alone does not tell. */
  readonly language: Language | undefined;
  /** The language that a slave is started for, if none runs yet. */
  readonly wants: Wants;
  /** Whether the function is known to return a generator. */
  readonly generates: boolean;
  /** Modules that it certainly imports first. */
  readonly modules: readonly string[];
  /** The folder that its Python file is imported from, if it is a function of a Python file. */
  readonly root?: string | undefined;
}

const WORD = "[\\p{ID_Start}_$][\\p{ID_Continue}$]*";
const PATH = new RegExp(`^${WORD}(?:\\.${WORD})*$`, "u");
/** `node:fs/promises.readFile` */
const BUILTIN = new RegExp(`^node:[a-z][a-z0-9_/-]*(?:\\.${WORD})+$`, "u");

/** Cache by name: most calls are to a function that was called before. */
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

/** @returns modules that the name certainly starts with; its other parts may be attributes */
function moduleCandidates(name: string): string[] {
  if (name.startsWith("node:")) return [];
  const colon = name.lastIndexOf(":");
  if (colon >= 0) return [name.slice(0, colon)];
  const parts = name.split(".");
  return parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join("."));
}
