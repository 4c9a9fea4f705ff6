/**
 * From ARG on the command line to arguments of a call, and from FUNCTION to its name. Knows no
 * option and no target.
 */
import { realpathSync, statSync } from "node:fs";
import { type PythonStub, pythonFunction, pythonModule } from "../program/python-names.ts";
import { foldersOf } from "../program/roots-of-file.ts";
import { Usage } from "./report-error.ts";

const NAMES = /^[\p{ID_Start}_][\p{ID_Continue}]*(?:\.[\p{ID_Start}_][\p{ID_Continue}]*)*$/u;
const KEYWORD = /^([\p{ID_Start}_][\p{ID_Continue}]*)=(.*)$/su;

export interface Arguments {
  readonly positional: readonly unknown[];
  readonly named: Readonly<Record<string, unknown>>;
}

/**
 * `KEY=VALUE` is a keyword argument. After a leading `=`, the rest is text, even if it is JSON.
 *
 * @throws {Usage}
 */
export function readArguments(texts: readonly string[]): Arguments {
  const positional: unknown[] = [];
  const named = new Map<string, unknown>();
  for (const text of texts) {
    const [, key, value] = KEYWORD.exec(text) ?? [];
    if (key === undefined || value === undefined) {
      positional.push(readValue(text));
    } else {
      if (named.has(key)) throw new Usage("call", `${key}= is given twice`);
      named.set(key, readValue(value));
    }
  }
  return { positional, named: Object.fromEntries(named) };
}

/** @returns the value if the text is JSON, else the text */
function readValue(text: string): unknown {
  if (text.startsWith("=")) return text.slice(1);
  try {
    return JSON.parse(text, wholeIntegers);
  } catch {
    return text;
  }
}

/** Makes a bigint of an integer that a number cannot hold. */
function wholeIntegers(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  return /^-?\d+$/.test(context?.source ?? "") ? BigInt(context?.source ?? 0) : value;
}

export interface FunctionName {
  readonly name: string | PythonStub;
  /** Folders whose modules the function may import. */
  readonly roots: readonly string[];
}

const IN_FILE = /^(.*\.(?:py|[cm]?[jt]s|[jt]sx)):(.*)$/s;

/**
 * `module.function`, `module:Class.method`, `node:module.function`, `path/to/tasks.py:function` or
 * `path/to/tasks.ts:function`.
 *
 * @param next the word after it, for advice
 * @param pathOf the path that this process opens
 * @throws {Usage}
 */
export function readFunction(
  text: string,
  next = "",
  pathOf: (text: string) => string = (path) => path,
): FunctionName {
  if (text.startsWith("node:")) return { name: text, roots: [] };
  const [, file, path = ""] = IN_FILE.exec(text) ?? [];
  if (file === undefined) {
    if (IN_FILE.test(`${text}:`) && isFile(pathOf(text))) {
      const name = NAMES.test(next) ? next : "FUNCTION";
      throw new Usage("call", `${text} is a file: write ${text}:${name}`);
    }
    if (text.includes("/")) {
      const spelling = "path/to/tasks.py:function or path/to/tasks.ts:function";
      throw new Usage("call", `not a function: ${text}; in a file it is ${spelling}`);
    }
    return { name: text, roots: [pathOf(".")] };
  }
  if (!isFile(pathOf(file))) {
    throw new Usage("call", `no such file: ${file}`);
  }
  const real = realpathSync(pathOf(file));
  return file.endsWith(".py") ? inPython(real, path, pathOf(".")) : inScript(real, path);
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** @param file its absolute real path */
function inScript(file: string, path: string): FunctionName {
  return { name: `${file}:${path}`, roots: foldersOf(file) };
}

function inPython(file: string, path: string, folder: string): FunctionName {
  if (!NAMES.test(path)) throw new Usage("call", `not a function of ${file}: ${path}`);
  return { name: pythonFunction(file, path), roots: [pythonModule(file).root, folder] };
}
