/**
 * Finds Python modules and package data in the roots that the user allowed, and nowhere else: no `..`, no absolute name, no symlink
 * that leads out. Knows no message.
 */
import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { type FoundImport, findImports } from "./python-imports.ts";
import { decodeSource, stripComments } from "./python-strip.ts";
import { contains, Roots, realpath } from "./roots.ts";

export interface FoundModule {
  readonly name: string;
  readonly path: string;
  readonly isPackage: boolean;
  /** Names of submodules; undefined for what is no package. */
  readonly children: readonly string[] | undefined;
  /** Without comments; line numbers are the file's. */
  readonly source: string;
}

const IDENTIFIER = /^[\p{ID_Start}_][\p{ID_Continue}]*$/u;
/** Beyond this the names at the top are not sent: the far side then asks for each. */
const MAX_CHILDREN = 2000;
const MAX_RESOURCE_BYTES = 128 * 1024 * 1024;
/** Names of which it is kept that they do not exist. */
const MAX_KNOWN = 5000;
const MAX_SOURCE_BYTES = 16 * 1024 * 1024;

export class PythonFinder {
  readonly #roots: Roots;
  readonly #imports = new WeakMap<FoundModule, readonly FoundImport[]>();
  readonly #found = new Map<string, FoundModule | undefined>();
  #top: readonly string[] | undefined;

  /** @param roots folders; what does not exist is left out */
  constructor(roots: readonly string[]) {
    this.#roots = new Roots(roots);
  }

  /** The module, or undefined. A file is read once: what was sent and what is sent later agree. */
  find(name: string): FoundModule | undefined {
    if (this.#found.has(name)) return this.#found.get(name);
    const found = this.#search(name);
    // Who asks for names without end fills no memory.
    if (found !== undefined || this.#found.size < MAX_KNOWN) this.#found.set(name, found);
    return found;
  }

  /** What a module that was found imports; read once, for all contexts. */
  imports(found: FoundModule): readonly FoundImport[] {
    const known = this.#imports.get(found);
    if (known !== undefined) return known;
    const imports = findImports(found.source, { module: found.name, isPackage: found.isPackage });
    this.#imports.set(found, imports);
    return imports;
  }

  /** Names of the modules at the top of all roots; undefined when they are too many. */
  top(): readonly string[] | undefined {
    this.#top ??= [...new Set(this.#roots.folders.flatMap((root) => children(root)))].sort();
    return this.#top.length > MAX_CHILDREN ? undefined : this.#top;
  }

  /** A file of a regular package's folder; a path with `/`. */
  resource(packageName: string, path: string): Uint8Array | undefined {
    const file = path.endsWith("/") ? undefined : this.#inside(packageName, path);
    if (file === undefined) return undefined;
    try {
      const info = statSync(file);
      return info.isFile() && info.size <= MAX_RESOURCE_BYTES ? readFileSync(file) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Names in a folder of a regular package's folder; folders end with `/`. */
  resources(packageName: string, path: string): string[] | undefined {
    const folder = this.#inside(packageName, path);
    if (folder === undefined || !isDirectory(folder)) return undefined;
    return list(folder)
      .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
      .sort();
  }

  #inside(packageName: string, path: string): string | undefined {
    const found = this.find(packageName);
    // A folder without __init__.py is any folder: its files are not package data.
    if (!found?.isPackage || !found.path.endsWith("__init__.py")) return undefined;
    if (path !== "" && !path.replace(/\/$/, "").split("/").every(isFileName)) return undefined;
    const folder = realpath(resolve(found.path, ".."));
    if (folder === undefined) return undefined;
    const file = realpath(resolve(folder, path));
    return file !== undefined && contains(folder, file) && this.#allowed(file) ? file : undefined;
  }

  #search(name: string): FoundModule | undefined {
    const parts = name.split(".");
    if (!parts.every((part) => IDENTIFIER.test(part))) return undefined;
    let folder: FoundModule | undefined;
    for (const root of this.#roots.folders) {
      const base = join(root, ...parts);
      for (const path of [join(base, "__init__.py"), `${base}.py`]) {
        const found = this.#load(name, path);
        if (found !== undefined) return found;
      }
      // A namespace package is found only where nothing else is, in any root (PEP 420).
      if (folder === undefined && isDirectory(base) && this.#allowed(realpath(base) ?? "")) {
        folder = { name, path: base, isPackage: true, children: this.#portions(parts), source: "" };
      }
    }
    return folder;
  }

  /** The submodules of a namespace package: of all the folders that make it up. */
  #portions(parts: readonly string[]): string[] {
    const folders = this.#roots.folders.map((root) => join(root, ...parts));
    const portions = folders.filter((folder) => this.#allowed(realpath(folder) ?? ""));
    return [...new Set(portions.flatMap(children))].sort();
  }

  #load(name: string, path: string): FoundModule | undefined {
    const real = realpath(path);
    if (real === undefined || !this.#allowed(real)) return undefined;
    const isPackage = path.endsWith(`${sep}__init__.py`);
    const source = readSource(real);
    if (source === undefined) return undefined;
    const submodules = isPackage ? children(resolve(path, "..")) : undefined;
    return { name, path, isPackage, children: submodules, source };
  }

  #allowed(real: string): boolean {
    return this.#roots.contain(real);
  }
}

/** What cannot be read as source fails over there, where it is imported, as it would here. */
function readSource(file: string): string | undefined {
  try {
    const info = statSync(file);
    if (!info.isFile() || info.size > MAX_SOURCE_BYTES) return undefined;
    return stripComments(decodeSource(readFileSync(file)));
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return `raise ImportError(${JSON.stringify(problem.replace(/[^ -~]/g, "?"))})\n`;
  }
}

/** One step down: no step up, none on the spot, none to the top. */
function isFileName(step: string): boolean {
  return step !== "" && step !== "." && step !== ".." && !step.includes("\0");
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** What could be imported from a folder: `name.py` and folders whose name is one. */
function children(folder: string): string[] {
  const names = new Set<string>();
  for (const entry of list(folder)) {
    const name = entry.name.endsWith(".py") ? entry.name.slice(0, -3) : entry.name;
    if (name === "__init__" || !IDENTIFIER.test(name)) continue;
    if (name !== entry.name || !entry.isFile()) names.add(name);
  }
  return [...names].sort();
}

function list(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
