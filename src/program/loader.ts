/**
 * Loads the modules of a program. They run as they are written, and their top-level functions
 * become known to `context.call`, exported or not. Functions of `.py` files become objects that can
 * only be called in a context. Knows no context. Packages in node_modules are left to the runtime.
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

/**
 * The user's own modules. Files that are CommonJS by their extension are left to the runtime, which
 * alone handles cycles and `module.exports` exactly.
 */
const OWN = /^(?!.*[\\/]node_modules[\\/]).*\.(?:m?[jt]s|[jt]sx)$/s;
const WHOLE = /\.c[jt]s$/;
/** Text that looks like CommonJS. */
const COMMON_JS = /\bmodule\.exports\b|(?:^|[^.\w$])(?:exports\s*[.[]|require\s*\()/m;
const SYNTAX = /^[ \t]*(?:import\b(?!\s*\()|export\b)/m;
const PYTHON = /\.py$/;

type VirtualExports = Readonly<Record<string, unknown>>;

interface LoaderOptions {
  /** The absolute real path of the main file, which may have any extension. */
  readonly main: string;
  /** The exports of "econtext" besides the library. */
  readonly exports: VirtualExports;
  /** Changes the text of a module that is about to run. Each statement stays on its line. */
  readonly edit?: (module: ModuleText) => string;
}

const REGISTER = "__econtext_module__";
const loaded = new Map<string, ModuleText>();
/** The text of each file that was loaded here, as it was. */
const texts = new Map<string, string>();
/** The folders of the Python files that the program imports. */
const roots = new Set<string>();

export function pythonRoots(): string[] {
  return [...roots];
}

/**
 * Has the user's files be loaded anew by their next import, if one of them has changed since.
 *
 * @returns the files that have changed
 */
export function forgetChanged(): string[] {
  const changed = [...texts].filter(([path, text]) => textOf(path) !== text).map(([path]) => path);
  if (changed.length === 0) return changed;
  const { cache } = createRequire(import.meta.url);
  // An unchanged file may have imported one that has changed.
  for (const path of texts.keys()) delete cache[path];
  texts.clear();
  return changed;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // the file is gone: its next import says so
  }
}

/** Adds the position to an error about an import of something that a module does not export. */
export function placed(error: unknown): unknown {
  placeMissingExport(error, loaded.values());
  return error;
}

/**
 * A suffix for the main file, because the runtime runs no plugin for a file without an extension.
 */
const AS_TYPESCRIPT = "?.ts";

/** The specifier by which the main file is imported. */
export function mainSpecifier(main: string): string {
  return OWN.test(main) || WHOLE.test(main) ? main : main + AS_TYPESCRIPT;
}

/** Installs the loader for the rest of the process. */
export function installLoader({ main, exports, edit }: LoaderOptions): void {
  Object.defineProperty(globalThis, REGISTER, { value: registered, configurable: true });
  registerLate(registerWhole);
  nameClasses();
  Bun.plugin({
    name: "econtext",
    setup(build) {
      build.module("econtext", () => ({ loader: "object", exports: { ...library, ...exports } }));
      build.onLoad({ filter: OWN }, ({ path }) =>
        path === main + AS_TYPESCRIPT
          ? loadScript(main, true, edit)
          : loadScript(path, path === main, edit),
      );
      build.onLoad({ filter: PYTHON }, ({ path }) => loadPython(path));
    },
  });
}

/** Restores the names of the library's classes, which minification shortens to one letter. */
function nameClasses(): void {
  for (const [name, value] of Object.entries(library)) {
    if (typeof value === "function" && /^[A-Z]/.test(name)) {
      Object.defineProperty(value, "name", { value: name, configurable: true });
    }
  }
}

function loadScript(path: string, isMain: boolean, edit: LoaderOptions["edit"]): OnLoadResult {
  const source = readFileSync(path, "utf8");
  texts.set(path, source);
  const extension = OWN.test(path) ? extname(path) : ".ts";
  const module = { name: realpathSync(path), source, extension };
  loaded.set(module.name, module);
  const running = edit === undefined ? module : { ...module, source: edit(module) };
  const contents = withScope(running, { register: REGISTER, isMain });
  if (COMMON_JS.test(source) && !SYNTAX.test(source)) {
    const { code } = eraseTypes(contents, extension);
    if (isScript(code)) return loadCommonJs(path, code);
  }
  const loader = extension === ".tsx" ? "tsx" : /ts/.test(extension) ? "ts" : "jsx";
  return { contents, loader };
}

/**
 * Runs CommonJS text here, because the runtime gives such a module no exports and does not run it.
 */
function loadCommonJs(path: string, code: string): OnLoadResult {
  const module = new Module(path) as Module & { _compile(text: string, path: string): void };
  module.filename = path;
  module._compile(code, path);
  const all: unknown = module.exports;
  return { loader: "object", exports: { ...Object(all), default: all, "module.exports": all } };
}

/** Whether a text is a script. A text that awaits at its top level is not. */
function isScript(code: string): boolean {
  try {
    parse(code, "script");
    return true;
  } catch {
    return false;
  }
}

/** Registers CommonJS modules that the runtime has loaded itself. Only their exports are known. */
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

/** Called by each module before its own first statement. */
function registered(name: string, members: ProgramModule["members"]): void {
  const module = loaded.get(name);
  if (module !== undefined) registerModule({ ...module, members });
}

function loadPython(path: string): OnLoadResult {
  const file = realpathSync(path);
  roots.add(pythonModule(file).root);
  const exports: Record<string, unknown> = {};
  const source = readFileSync(path, "utf8");
  texts.set(path, source);
  for (const { path: member } of pythonDefinitions(source).functions) {
    put(exports, member.split("."), pythonFunction(file, member));
  }
  return { loader: "object", exports: { ...exports, default: exports } };
}

/** Sets a member by its path: `Service.restart` is a member of an object `Service`. */
function put(owner: Record<string, unknown>, [name = "", ...rest]: string[], value: unknown): void {
  if (rest.length === 0) {
    owner[name] = value;
    return;
  }
  const inner = (owner[name] ?? {}) as Record<string, unknown>;
  owner[name] = inner;
  put(inner, rest, value);
}
