/**
 * Loads a program's own modules: they run as they are written, and what they declare at their top level becomes known to
 * `context.call`, exported or not. `.py` files become functions that can only be called elsewhere. Knows no context; packages in
 * node_modules are left to the runtime.
 */
import { readFileSync, realpathSync } from "node:fs";
import { createRequire, Module } from "node:module";
import { extname } from "node:path";
import type { OnLoadResult } from "bun";
import type { ModuleText } from "../functions/analysed-module.ts";
import { type ProgramModule, registerLate, registerModule } from "../functions/registry.ts";
import * as library from "../index.ts";
import { eraseTypes } from "../syntax/erase-types.ts";
import { parse } from "../syntax/parse.ts";
import { withScope } from "./instrument.ts";
import { placeMissingExport } from "./missing-export.ts";
import { pythonDefinitions } from "./python-definitions.ts";
import { pythonFunction, pythonModule } from "./python-names.ts";

/** The user's own. Files that are CommonJS by their ending are left to the runtime: only it gives cycles and `module.exports` as they are. */
const OWN = /^(?!.*[\\/]node_modules[\\/]).*\.(?:m?[jt]s|[jt]sx)$/s;
const WHOLE = /\.c[jt]s$/;
/** CommonJS by what it says. */
const COMMON_JS = /\bmodule\.exports\b|(?:^|[^.\w$])(?:exports\s*[.[]|require\s*\()/m;
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

/** Say where, if a module that the program loaded imports what another does not export. */
export function placed(error: unknown): unknown {
  placeMissingExport(error, loaded.values());
  return error;
}

/** The runtime asks nobody for a file without an ending. */
const AS_TYPESCRIPT = "?.ts";

/** What to import for the main file. */
export function mainSpecifier(main: string): string {
  return OWN.test(main) || WHOLE.test(main) ? main : main + AS_TYPESCRIPT;
}

/** For the rest of the process: a module that was loaded stays. */
export function installLoader({ main, exports }: LoaderOptions): void {
  Object.defineProperty(globalThis, REGISTER, { value: registered, configurable: true });
  registerLate(registerWhole);
  nameClasses();
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

/** Values are shown with the names that the program knows: ours are one letter after minification. */
function nameClasses(): void {
  for (const [name, value] of Object.entries(library)) {
    if (typeof value === "function" && /^[A-Z]/.test(name)) {
      Object.defineProperty(value, "name", { value: name, configurable: true });
    }
  }
}

function loadScript(path: string, isMain: boolean): OnLoadResult {
  const source = readFileSync(path, "utf8");
  const extension = OWN.test(path) ? extname(path) : ".ts";
  const module = { name: realpathSync(path), source, extension };
  loaded.set(module.name, module);
  const contents = withScope(module, { register: REGISTER, isMain });
  if (COMMON_JS.test(source) && !SYNTAX.test(source)) {
    const { code } = eraseTypes(contents, extension);
    if (isScript(code)) return loadCommonJs(path, code);
  }
  const loader = extension === ".tsx" ? "tsx" : /ts/.test(extension) ? "ts" : "jsx";
  return { contents, loader };
}

/** The runtime gives such a text an empty module in place of running it. */
function loadCommonJs(path: string, code: string): OnLoadResult {
  const module = new Module(path) as Module & { _compile(text: string, path: string): void };
  module.filename = path;
  module._compile(code, path);
  const all: unknown = module.exports;
  return { loader: "object", exports: { ...Object(all), default: all, "module.exports": all } };
}

/** Not so what awaits at its top level. */
function isScript(code: string): boolean {
  try {
    parse(code, "script");
    return true;
  } catch {
    return false;
  }
}

/** Modules that the runtime has loaded by itself: what they export is what is known of them. */
function registerWhole(): boolean {
  const before = loaded.size;
  for (const [path, module] of Object.entries(createRequire(import.meta.url).cache)) {
    if (loaded.has(path) || !WHOLE.test(path) || /[\\/]node_modules[\\/]/.test(path)) continue;
    const text = { name: path, source: readFileSync(path, "utf8"), extension: extname(path) };
    loaded.set(path, text);
    const exports = Object(module?.exports) as Record<string, unknown>;
    const members = Object.keys(exports).map((key) => [key, () => exports[key]] as const);
    const all = Object.fromEntries([...members, ["default", () => module?.exports]]);
    registerModule({ ...text, members: all });
  }
  return loaded.size > before;
}

/** What a module calls before anything of its own runs. */
function registered(name: string, members: ProgramModule["members"]): void {
  const module = loaded.get(name);
  if (module !== undefined) registerModule({ ...module, members });
}

function loadPython(path: string): OnLoadResult {
  const file = realpathSync(path);
  roots.add(pythonModule(file).root);
  const exports: Record<string, unknown> = {};
  for (const { path: member } of pythonDefinitions(readFileSync(path, "utf8")).functions) {
    put(exports, member.split("."), pythonFunction(file, member));
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
