/**
 * The functions of the program that have a name: those at the top level of a loaded module, and
 * those of imported Python modules. Knows no context and no connection.
 */
import type { Language } from "../interpreters/kind.ts";
import type { ModuleText } from "./analysed-module.ts";
import { Closures } from "./closures.ts";

export type AnyFunction = (...args: never[]) => unknown;

/** Where a slave finds a function. */
export interface FunctionOrigin {
  readonly language: Language;
  /**
   * The absolute real path of a JavaScript module, or the path of a Python module below its root,
   * without `.py`.
   */
  readonly module: string;
  /** `fn`, `Class.method`, `default` */
  readonly path: string;
  /** The folder that a Python module is imported from; absolute, without links. */
  readonly root?: string;
}

/** A module of the program. Its members are read when a function is described, once they exist. */
export interface ProgramModule extends ModuleText {
  /** By name: reads the value at the module's top level. Throws before it is initialised. */
  readonly members: Readonly<Record<string, () => unknown>>;
}

/** Gives an expression for a function that is in no module; undefined if it does not know it. */
type SourceOf = (fn: AnyFunction, text: string) => string | undefined;

const origins = new WeakMap<AnyFunction, FunctionOrigin>();
/** Modules, by name, some of whose members had no value yet when they were read. */
const pending = new Map<string, ProgramModule["members"]>();
const closures = new Closures();
let sourceOf: SourceOf | undefined;
let asWritten = (text: string): string => text;
let registerMore = (): boolean => false;

export function registerFunction(fn: AnyFunction, origin: FunctionOrigin): void {
  if (!origins.has(fn)) origins.set(fn, origin);
}

export function registerModule(module: ProgramModule): void {
  closures.add(module);
  pending.set(module.name, module.members);
}

/** Registers the one source of texts for functions that are in no module: the prompt's inputs. */
export function registerSource(source: SourceOf): void {
  sourceOf = source;
}

/** Registers what takes out of a function's text what was put in to run it. */
export function registerEdits(undo: (text: string) => string): void {
  asWritten = undo;
}

/** The text of a function, without what was put in to run it. */
export function writtenText(fn: AnyFunction): string {
  return asWritten(Function.prototype.toString.call(fn));
}

/** Registers what learns of modules late. @param register registers them; false if none are new */
export function registerLate(register: () => boolean): void {
  registerMore = register;
}

/** Registers modules that were loaded since. @returns false if there are none */
export function registerLateModules(): boolean {
  return registerMore();
}

/** The module and path of a function; undefined if it is not at the top level of a module. */
export function originOf(fn: AnyFunction): FunctionOrigin | undefined {
  return origins.get(fn) ?? readPending(fn);
}

/** An expression for a function that was typed at a prompt; undefined for any other. */
export function typedSource(fn: AnyFunction, text: string): string | undefined {
  return sourceOf?.(fn, text);
}

/** @throws {UsageError} `ERR_USAGE_CLOSURE`, `ERR_USAGE_FUNCTION` */
export function inlineFunction(text: string): ReturnType<Closures["inline"]> {
  return closures.inline(text);
}

/** The name of a function in messages. */
export function functionName(fn: AnyFunction | string): string {
  if (typeof fn === "string") return fn;
  const { path } = origins.get(fn) ?? {};
  return path ?? (fn.name || "(function)");
}

function readPending(fn: AnyFunction): FunctionOrigin | undefined {
  for (const [module, members] of pending) {
    let isComplete = true;
    for (const [path, member] of Object.entries(members)) {
      try {
        register(member(), module, path);
      } catch {
        // The module has not initialised this member yet.
        isComplete = false;
      }
    }
    if (isComplete) pending.delete(module);
  }
  return origins.get(fn);
}

function register(value: unknown, module: string, path: string): void {
  if (!isFunction(value)) return;
  registerFunction(value, { language: "javascript", module, path });
  if (!isClass(Function.prototype.toString.call(value))) return;
  // A class cannot be called: only its static methods are registered.
  origins.delete(value);
  for (const [key, { value: member }] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
    if (isFunction(member)) register(member, module, `${path}.${key}`);
  }
}

function isFunction(value: unknown): value is AnyFunction {
  return typeof value === "function";
}

/** Whether the text of a function is that of a class. */
export function isClass(text: string): boolean {
  return /^class\b/.test(text);
}
