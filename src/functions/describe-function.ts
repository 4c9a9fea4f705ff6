/**
 * From a function of the program to what a call sends for it: a module and a path if the function
 * has a name, else its text. What cannot be sent is refused here, before anything is sent.
 */
import { builtinModules } from "node:module";
import { join } from "node:path";
import type { Language } from "../interpreters/kind.ts";
import { refused } from "./inline.ts";
import {
  type AnyFunction,
  type FunctionOrigin,
  inlineFunction,
  isClass,
  originOf,
  registerLateModules,
  typedSource,
  writtenText,
} from "./registry.ts";

/** What a call sends for a function, and where the function is. */
export interface DescribedFunction {
  readonly language: Language;
  /** `MODULE:PATH`, the name of a builtin, or the text of an expression and its module. */
  readonly function: string | readonly [module: string, source: string];
  readonly module?: string;
  readonly root?: string;
}

/** Descriptions of Python functions, which are called again and again. */
const pythonFunctions = new WeakMap<FunctionOrigin, DescribedFunction>();
/** The globals of the runtime. A global that the program adds does not exist in a slave. */
const STANDARD = new Set(Object.getOwnPropertyNames(globalThis));

/** @throws {UsageError} `ERR_USAGE_CLOSURE`, `ERR_USAGE_FUNCTION` */
export function describeFunction(fn: AnyFunction): DescribedFunction {
  if (typeof fn !== "function") throw refused(`${typeof fn} is not a function`);
  const origin = originOf(fn);
  if (origin !== undefined) return describeOrigin(origin);
  const text = writtenText(fn);
  if (isClass(text)) {
    throw refused(`${fn.name || "it"} is a class; pass one of its static methods`);
  }
  const builtin = builtinName(fn, isNative(text));
  if (builtin !== undefined) return { language: "javascript", function: builtin };
  if (isNative(text)) {
    const what = fn.name.startsWith("bound ") ? "a bound function" : "not written in JavaScript";
    throw refused(`${fn.name || "it"} is ${what}; pass a function that calls it`);
  }
  const typed = typedSource(fn, text);
  if (typed !== undefined) return { language: "javascript", function: ["", typed] };
  try {
    const { module, source } = inlineFunction(text);
    const known = module === "" ? {} : { module };
    return { language: "javascript", function: [module, source], ...known };
  } catch (error) {
    if (!registerLateModules()) throw error;
    return describeFunction(fn);
  }
}

function describeOrigin(origin: FunctionOrigin): DescribedFunction {
  const { language, module, path, root } = origin;
  if (root === undefined) return { language, function: `${module}:${path}`, module };
  const known = pythonFunctions.get(origin) ?? {
    language,
    function: nameByFile(root, module, path),
    module: join(root, module),
    root,
  };
  pythonFunctions.set(origin, known);
  return known;
}

/** Names a function by its file, so that the slave ignores other modules of the same name. */
function nameByFile(root: string, module: string, path: string): string {
  // Encoded as in a URL: a module name in Python 2 holds no other characters.
  const named = encodeURIComponent(`${root}//${module}`).replaceAll(".", "%2E");
  return `econtext.own.${named}:${path}`;
}

/** The name of a function of the runtime, such as `Math.max` or `node:os.hostname`. */
function builtinName(fn: AnyFunction, isNativeCode: boolean): string | undefined {
  const inGlobals = isNativeCode ? memberName(globalThis, fn, true) : undefined;
  if (inGlobals !== undefined) return inGlobals;
  for (const module of builtinModules) {
    if (!/^[a-z][\w/]*$/.test(module) || module === "bun") continue;
    const exports = builtinModule(module);
    const name = exports === undefined ? undefined : memberName(exports, fn, false);
    if (name !== undefined) return `node:${module}.${name}`;
  }
  return undefined;
}

/** A builtin module of the runtime; undefined if it has none of this name. */
export function builtinModule(name: string): object | undefined {
  try {
    // The types of Bun's `process` do not declare this function.
    const { getBuiltinModule } = process as { getBuiltinModule?: (name: string) => object };
    return getBuiltinModule?.(name);
  } catch {
    return undefined;
  }
}

function memberName(owner: object, fn: AnyFunction, goDeeper: boolean): string | undefined {
  for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(owner))) {
    if (owner === globalThis && !STANDARD.has(key)) continue;
    if (value === fn) return key;
    const isOwner = typeof value === "object" || typeof value === "function";
    if (!goDeeper || !isOwner || value === null || value === globalThis) continue;
    const name = memberName(value, fn, false);
    if (name !== undefined && name !== "constructor") return `${key}.${name}`;
  }
  return undefined;
}

function isNative(text: string): boolean {
  return /\{\s*\[native code\]\s*\}$/.test(text);
}
