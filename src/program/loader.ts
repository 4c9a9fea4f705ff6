/**
 * Loads a program's own modules: they run as they are written, and what they declare at their top level becomes known to
 * `context.call`, exported or not. `.py` files become functions that can only be called elsewhere. Knows no context; packages in
 * node_modules are left to the runtime.
 */
import { readFileSync, realpathSync } from "node:fs";
import { createRequire, Module } from "node:module";
import { extname } from "node:path";
import type { OnLoadResult } from "bun";
import type { ModuleText } from "../closures.ts";
import { type ProgramModule, registerFunction, registerModule } from "../functions.ts";
import * as library from "../index.ts";
import { eraseTypes } from "../modules/javascript-types.ts";
import { pythonFunctions, pythonModule } from "./python-names.ts";
import { withScope } from "./scope.ts";

/** The user's own. */
const OWN = /^(?!.*[\\/]node_modules[\\/]).*\.(?:[cm]?[jt]s|[jt]sx)$/s;
/** CommonJS by what it says. */
const EXPORTS = /\bmodule\.exports\b|(?:^|[^.\w$])exports\s*[.[]/;
const SYNTAX = /^[ \t]*(?:import\b(?!\s*\()|export\b)/m;
const PYTHON = /\.py$/;

export type VirtualExports = Readonly<Record<string, unknown>>;

export interface LoaderOptions {
  /** Absolute real path of the main file, whatever its ending. */
  readonly main: string;
  /** What `import … from "econtext"` gives besides the library. */
  readonly exports: VirtualExports;
}

const REGISTER = "__econtext_module__";
const loaded = new Map<string, ModuleText>();
/** Folders of the Python files that the program imports. */
const roots = new Set<string>();

export function pythonRoots(): string[] {
  return [...roots];
}

/** The runtime asks nobody for a file without an ending. */
const AS_TYPESCRIPT = "?.ts";

/** What to import for the main file. */
export function mainSpecifier(main: string): string {
  return OWN.test(main) ? main : main + AS_TYPESCRIPT;
}

/** For the rest of the process: a module that was loaded stays. */
export function installLoader({ main, exports }: LoaderOptions): void {
  Object.defineProperty(globalThis, REGISTER, { value: registered, configurable: true });
  hookRequire(main);
  Bun.plugin({
    name: "econtext",
    setup(build) {
      build.module("econtext", () => ({ loader: "object", exports: { ...library, ...exports } }));
      build.onLoad({ filter: OWN }, ({ path }) =>
        path === main + AS_TYPESCRIPT ? loadScript(main, true) : loadScript(path, path === main),
      );
      build.onLoad({ filter: PYTHON }, ({ path }) => loadPython(path));
    },
  });
}

interface Script {
  /** With its members handed out. */
  readonly contents: string;
  readonly extension: string;
  readonly isCommonJs: boolean;
}

function readScript(path: string, isMain: boolean): Script {
  const source = readFileSync(path, "utf8");
  const extension = OWN.test(path) ? extname(path) : ".ts";
  const module = { name: realpathSync(path), source, extension };
  loaded.set(module.name, module);
  const contents = withScope(module, { register: REGISTER, isMain });
  const isNamed = /^\.c[jt]s$/.test(extension) || EXPORTS.test(source);
  return { contents, extension, isCommonJs: isNamed && !SYNTAX.test(source) };
}

function loadScript(path: string, isMain: boolean): OnLoadResult {
  const { contents, extension, isCommonJs } = readScript(path, isMain);
  if (isCommonJs) return loadCommonJs(path);
  const loader = extension === ".tsx" ? "tsx" : /ts/.test(extension) ? "ts" : "jsx";
  return { contents, loader };
}

/** As `require` has it, which runs it: what the runtime makes of such a text by itself is an empty module. */
function loadCommonJs(path: string): OnLoadResult {
  const all: unknown = createRequire(path)(path);
  return { loader: "object", exports: { ...Object(all), default: all } };
}

type Compiled = Module & { _compile(text: string, path: string): void };
type Extensions = Record<string, (module: Compiled, path: string) => void>;

/** Cycles, and what exports a function itself, are right only where the runtime's own `require` is asked. */
function hookRequire(main: string): void {
  const { _extensions: extensions } = Module as unknown as { readonly _extensions: Extensions };
  for (const extension of [".cjs", ".cts", ".js", ".ts"]) {
    const before = extensions[extension] ?? extensions[".js"];
    extensions[extension] = (module, path) => {
      const script = OWN.test(path) ? readScript(path, path === main) : undefined;
      if (script?.isCommonJs !== true) return before?.(module, path);
      module._compile(eraseTypes(script.contents, script.extension).code, path);
    };
  }
}

/** What a module calls before anything of its own runs. */
function registered(name: string, members: ProgramModule["members"]): void {
  const module = loaded.get(name);
  if (module !== undefined) registerModule({ ...module, members });
}

function loadPython(path: string): OnLoadResult {
  const { name: module, root } = pythonModule(realpathSync(path));
  roots.add(root);
  const exports: Record<string, unknown> = {};
  for (const { path: member } of pythonFunctions(readFileSync(path, "utf8"))) {
    const stub = (): never => {
      throw new library.UsageError(
        "ERR_USAGE_FUNCTION",
        `${module}:${member} is a Python function; pass it to context.call`,
      );
    };
    Object.defineProperty(stub, "name", { value: member });
    registerFunction(stub, { language: "python", module, path: member, root });
    put(exports, member.split("."), stub);
  }
  return { loader: "object", exports: { ...exports, default: exports } };
}

/** `Service.restart` is a member of an object `Service`. */
function put(owner: Record<string, unknown>, [name = "", ...rest]: string[], value: unknown): void {
  if (rest.length === 0) {
    owner[name] = value;
    return;
  }
  const inner = (owner[name] ?? {}) as Record<string, unknown>;
  owner[name] = inner;
  put(inner, rest, value);
}
