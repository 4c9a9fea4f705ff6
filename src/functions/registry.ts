/**
 * From a function of the program to what a call names it by. Functions at the top level of a module that was loaded for it are known by
 * module and path, others go as text (closures.ts). Knows no context and no stream: what is refused is refused before anything is sent.
 */
import { builtinModules } from "node:module";
import { join } from "node:path";
import type { Language } from "../interpreters/kind.ts";
import { Closures, type ModuleText, refused } from "./closures.ts";

export type AnyFunction = (...args: never[]) => unknown;

/** Where a function is found over there. */
export interface FunctionOrigin {
  readonly language: Language;
  /** Absolute real path of a JavaScript module; path of a Python module below its root, without `.py`. */
  readonly module: string;
  /** `fn`, `Class.method`, `default` */
  readonly path: string;
  /** The folder that a Python module is imported from; absolute, without links. */
  readonly root?: string;
}

/** What a call sends for a function, and what is known of it. */
export interface Described {
  readonly language: Language;
  readonly function: string | readonly [module: string, source: string];
  readonly module?: string;
  readonly root?: string;
}

/** A module of the program: what it declares at its top level is looked up when a function is described, by when it exists. */
export interface ProgramModule extends ModuleText {
  readonly members: Readonly<Record<string, () => unknown>>;
}

const origins = new WeakMap<AnyFunction, FunctionOrigin>();
/** Of Python functions: they are called again and again. */
const described = new WeakMap<FunctionOrigin, Described>();
const closures = new Closures();
/** With members that may not have been looked at since they got their value. */
const pending = new Map<string, ProgramModule["members"]>();
let sourceOf: SourceOf | undefined;
let late = (): boolean => false;
/** Without what is added while we run: the far side does not have that. */
const STANDARD = new Set(Object.getOwnPropertyNames(globalThis));

export function registerFunction(fn: AnyFunction, origin: FunctionOrigin): void {
  if (!origins.has(fn)) origins.set(fn, origin);
}

export function registerModule(module: ProgramModule): void {
  closures.add(module);
  pending.set(module.name, module.members);
}

/** Who knows functions that are in no module gives an expression for them, or undefined for one that it does not know. */
export type SourceOf = (fn: AnyFunction, text: string) => string | undefined;

export function registerSource(source: SourceOf): void {
  sourceOf = source;
}

/** Who learns of some modules only when they are there is asked before a function is refused: are there any? */
export function registerLate(register: () => boolean): void {
  late = register;
}

/** @throws {UsageError} `ERR_USAGE_CLOSURE`, `ERR_USAGE_FUNCTION` */
export function describeFunction(fn: AnyFunction): Described {
  if (typeof fn !== "function") throw refused(`${typeof fn} is not a function`);
  const origin = origins.get(fn) ?? lookUp(fn);
  if (origin !== undefined) {
    const { language, module, path, root } = origin;
    if (root === undefined) return { language, function: `${module}:${path}`, module };
    const known = described.get(origin) ?? {
      language,
      function: ownName(root, module, path),
      module: join(root, module),
      root,
    };
    described.set(origin, known);
    return known;
  }
  const text = Function.prototype.toString.call(fn);
  if (isClass(text)) {
    throw refused(`${fn.name || "it"} is a class; pass one of its static methods`);
  }
  const builtin = builtinName(fn, isNative(text));
  if (builtin !== undefined) return { language: "javascript", function: builtin };
  if (isNative(text)) {
    const what = fn.name.startsWith("bound ") ? "a bound function" : "not written in JavaScript";
    throw refused(`${fn.name || "it"} is ${what}; pass a function that calls it`);
  }
  const typed = sourceOf?.(fn, text);
  if (typed !== undefined) return { language: "javascript", function: ["", typed] };
  try {
    const { module, source } = closures.inline(text);
    const known = module === "" ? {} : { module };
    return { language: "javascript", function: [module, source], ...known };
  } catch (error) {
    if (!late()) throw error;
    return describeFunction(fn);
  }
}

/** Names a function by the file that it is in: the far side runs that one, whatever else has the module's name. */
function ownName(root: string, place: string, path: string): string {
  // As in a URL: Python 2 has no other characters in the name of a module.
  const named = encodeURIComponent(`${root}//${place}`).replaceAll(".", "%2E");
  return `econtext.own.${named}:${path}`;
}

/** How messages name it. */
export function functionName(fn: AnyFunction | string): string {
  if (typeof fn === "string") return fn;
  const { path } = origins.get(fn) ?? {};
  return path ?? (fn.name || "(function)");
}

function lookUp(fn: AnyFunction): FunctionOrigin | undefined {
  for (const [module, members] of pending) {
    let isWhole = true;
    for (const [path, member] of Object.entries(members)) {
      try {
        register(member(), module, path);
      } catch {
        // Its module has not come so far yet.
        isWhole = false;
      }
    }
    if (isWhole) pending.delete(module);
  }
  return origins.get(fn);
}

function register(value: unknown, module: string, path: string): void {
  if (!isFunction(value)) return;
  registerFunction(value, { language: "javascript", module, path });
  if (!isClass(Function.prototype.toString.call(value))) return;
  // A class is only where its static methods are.
  origins.delete(value);
  for (const [key, { value: member }] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
    if (isFunction(member)) register(member, module, `${path}.${key}`);
  }
}

/** A function of the runtime's own, which the far side has as well: `Math.max`, `node:os.hostname`. */
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

/** A module of the runtime's own; undefined for what is none. */
export function builtinModule(name: string): object | undefined {
  try {
    // The types of Bun's process do not list it.
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

function isFunction(value: unknown): value is AnyFunction {
  return typeof value === "function";
}

function isClass(text: string): boolean {
  return /^class\b/.test(text);
}

function isNative(text: string): boolean {
  return /\{\s*\[native code\]\s*\}$/.test(text);
}
