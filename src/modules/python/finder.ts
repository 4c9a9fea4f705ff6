/**
 * Finds Python modules in the roots that the user allowed, and nowhere else: paths with `..` and
 * links out of the roots are rejected. Finds them by dotted name, as an import does, or by place:
 * the absolute path without `.py`. Knows no message.
 */
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { SourceTrees } from "../source-trees.ts";
import { type FoundImport, findImports } from "./imports.ts";
import { decodeSource, stripComments } from "./strip.ts";

export interface FoundModule {
  /** An absolute path; for a namespace package, its first folder. */
  readonly path: string;
  readonly isPackage: boolean;
  /** All folders of a namespace package. */
  readonly folders?: readonly string[];
  /** Names of submodules; undefined for a module that is not a package. */
  readonly children: readonly string[] | undefined;
  /**
   * The text without comments, or the bytes of a file that is not UTF-8. Lines are those of the
   * file.
   */
  readonly source: string | Uint8Array;
  /** The dotted name below its root. */
  readonly module: string;
}

/** The files in a folder that belong to one module. */
interface ModuleFiles {
  source?: string;
  compiled?: string;
  /** Whether an entry has exactly this name; it may be the folder of a package. */
  isExact?: boolean;
}

const IDENTIFIER = /^[\p{ID_Start}_][\p{ID_Continue}]*$/u;
/**
 * The ending of a compiled module (`_speed.cpython-311-x86_64-linux-gnu.so`) or of bytecode without
 * source.
 */
const COMPILED = /^([^.]+)(?:\.[\w-]+)*\.(so|pyd|pyc)$/;
/** With more names at the top level, none are sent: the slave then asks for each. */
const MAX_CHILDREN = 2000;
/** The most names that are remembered as missing. */
const MAX_KNOWN = 5000;
const MAX_SOURCE_BYTES = 16 * 1024 * 1024;

export class PythonFinder {
  readonly trees: SourceTrees;
  readonly #imports = new WeakMap<FoundModule, readonly FoundImport[]>();
  #found = new Map<string, FoundModule | undefined>();
  readonly #places = new Map<string, FoundModule | undefined>();
  readonly #folders = new Map<string, ReadonlyMap<string, ModuleFiles>>();
  #top: readonly string[] | undefined;

  /** @param roots folders and zip files, of which those that do not exist are left out */
  constructor(roots: readonly string[]) {
    this.trees = new SourceTrees(roots);
  }

  /** Adds a root after all others. */
  addRoot(root: string): void {
    const before = this.trees.roots.length;
    this.trees.add(root);
    if (this.trees.roots.length === before) return;
    this.#top = undefined;
    this.#found = new Map([...this.#found].filter(([, found]) => found !== undefined));
    for (const [place, found] of this.#places) if (found === undefined) this.#places.delete(place);
  }

  /** The module of a dotted name, or undefined. A file is read once, so later answers agree. */
  find(name: string): FoundModule | undefined {
    return remembered(this.#found, name, () => this.#search(name));
  }

  /** The module at an absolute path without `.py`, or undefined. */
  at(place: string): FoundModule | undefined {
    return remembered(this.#places, place, () => {
      const root = resolve(place) === place ? this.trees.rootOf(place) : undefined;
      const isNamed = relative(root ?? place, place)
        .split(sep)
        .every(isName);
      return root === undefined || !isNamed ? undefined : this.#load(root, place);
    });
  }

  /** Whether a module, by dotted name or place, was looked for before. */
  isKnown(name: string): boolean {
    return this.#found.has(name) || this.#places.has(name);
  }

  /** The place by which `at` finds a module. */
  placeOf({ path, isPackage, folders }: FoundModule): string {
    if (folders !== undefined) return path;
    return isPackage ? dirname(path) : join(dirname(path), moduleName(basename(path)));
  }

  /** The imports of a module that was found; read once for all contexts. */
  imports(found: FoundModule): readonly FoundImport[] {
    const known = this.#imports.get(found);
    if (known !== undefined) return known;
    const { source, module, isPackage } = found;
    const text = typeof source === "string" ? source : Buffer.from(source).toString("latin1");
    const imports = findImports(text, { module, isPackage });
    this.#imports.set(found, imports);
    return imports;
  }

  /** The names of the modules at the top of all roots; undefined if there are too many. */
  top(): readonly string[] | undefined {
    this.#top ??= [...new Set(this.trees.roots.flatMap((root) => this.children(root)))].sort();
    return this.#top.length > MAX_CHILDREN ? undefined : this.#top;
  }

  /** The names that can be imported from a folder: modules, compiled modules, and folders. */
  children(folder: string): string[] {
    const names = [...this.#index(folder)].flatMap(([name, files]) => {
      const isModule = files.source !== undefined || files.compiled !== undefined;
      return name !== "__init__" && (isModule || this.#mayBePackage(folder, name)) ? [name] : [];
    });
    return names.sort();
  }

  /** Whether an entry is a folder, or a link whose target is not known. */
  #mayBePackage(folder: string, name: string): boolean {
    if (!IDENTIFIER.test(name) || name === "__pycache__") return false;
    return (this.trees.entry(join(folder, name))?.size ?? -1) < 0;
  }

  /**
   * The entries of a folder by the name that imports them; read once. A dot in a file's name is `_`
   * here.
   */
  #index(folder: string): ReadonlyMap<string, ModuleFiles> {
    const known = this.#folders.get(folder);
    if (known !== undefined) return known;
    const index = new Map<string, ModuleFiles>();
    for (const file of this.trees.names(folder)) {
      const name = moduleName(file);
      if (!isName(name)) continue;
      const files = index.get(name) ?? {};
      index.set(name, files);
      if (file === `${name}.py`) files.source = file;
      else if (file.endsWith(".py")) files.source ??= file;
      else if (file === name) files.isExact = true;
      else files.compiled ??= file;
    }
    if (this.#folders.size < MAX_KNOWN) this.#folders.set(folder, index);
    return index;
  }

  #search(name: string): FoundModule | undefined {
    const parts = name.split(".");
    if (!parts.every(isName)) return undefined;
    const folders: FoundModule[] = [];
    for (const root of this.trees.roots) {
      const found = this.at(join(root, ...parts));
      // A namespace package is found only if no root has a module of that name (PEP 420).
      if (found?.folders === undefined) {
        if (found !== undefined) return found;
      } else folders.push(found);
    }
    const [first] = folders;
    if (first === undefined || folders.length === 1) return first;
    const children = [...new Set(folders.flatMap((folder) => folder.children ?? []))].sort();
    return { ...first, folders: folders.map(({ path }) => path), children };
  }

  #load(root: string, place: string): FoundModule | undefined {
    const folder = dirname(place);
    const files = this.#index(folder).get(basename(place));
    if (files === undefined) return undefined;
    const init = files.isExact === true ? this.#index(place).get("__init__") : undefined;
    const module = relative(root, place).split(sep).join(".");
    const plain = { isPackage: false, children: undefined, module } as const;
    const package_ = this.#readable(place, init?.source);
    if (package_ !== undefined) {
      const children = this.children(place);
      return { path: package_, isPackage: true, children, source: this.#read(package_), module };
    }
    const path = this.#readable(folder, files.source);
    if (path !== undefined) return { ...plain, path, source: this.#read(path) };
    const compiled =
      this.#readable(place, init?.compiled) ?? this.#readable(folder, files.compiled);
    if (compiled !== undefined)
      return { ...plain, path: compiled, source: refusal(module, compiled) };
    if (files.isExact !== true || !this.trees.isFolder(place)) return undefined;
    const children = this.children(place);
    return { path: place, isPackage: true, folders: [place], children, source: "", module };
  }

  #readable(folder: string, file: string | undefined): string | undefined {
    if (file === undefined) return undefined;
    const path = join(folder, file);
    const size = this.trees.entry(path)?.size ?? -1;
    return size < 0 || size > MAX_SOURCE_BYTES ? undefined : path;
  }

  /** A module that cannot be read fails when the slave imports it, as it would on this machine. */
  #read(path: string): string | Uint8Array {
    try {
      const bytes = this.trees.read(path, MAX_SOURCE_BYTES) ?? new Uint8Array();
      const text = decodeSource(bytes);
      return text === undefined ? bytes : stripComments(text);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      return `raise ImportError(${pythonText(problem)})\n`;
    }
  }
}

/** Adds to a map of missing names, which must not grow without a bound. */
function remembered(
  map: Map<string, FoundModule | undefined>,
  key: string,
  make: () => FoundModule | undefined,
): FoundModule | undefined {
  if (map.has(key)) return map.get(key);
  const found = make();
  if (found !== undefined || map.size < MAX_KNOWN) map.set(key, found);
  return found;
}

/** Whether a name is one step down: not `..`, `.`, or a hidden name. */
function isName(step: string): boolean {
  return step !== "" && !/^\.|[/\\\0]/.test(step);
}

/** The name by which a file or folder is imported. */
function moduleName(file: string): string {
  if (file.endsWith(".py")) return file.slice(0, -3).replaceAll(".", "_");
  return COMPILED.exec(file)?.[1] ?? file;
}

/**
 * The source of a module that cannot be sent. It raises the error of a module that is not
 * installed.
 */
function refusal(module: string, path: string): string {
  const what = path.endsWith(".pyc") ? "bytecode without its source" : "a compiled extension";
  const advice = `install it on the remote machine; if that is like this one, --unpack ${module.split(".")[0]} may do`;
  const problem = `${module} is ${what}, which cannot be forwarded: ${path}; ${advice}`;
  return `try:
    kind = ModuleNotFoundError
except NameError:
    kind = ImportError
raise kind(${pythonText(problem)})
`;
}

function pythonText(text: string): string {
  return JSON.stringify(text.replace(/[^ -~]/g, "?"));
}
