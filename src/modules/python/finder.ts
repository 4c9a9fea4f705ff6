/**
 * Finds Python modules in the roots that the user allowed, and nowhere else: no `..`, no symlink that leads out. By dotted name, as an
 * import does, or by place: the absolute path without `.py`. Knows no message.
 */
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { SourceTrees } from "../source-trees.ts";
import { type FoundImport, findImports } from "./imports.ts";
import { decodeSource, stripComments } from "./strip.ts";

export interface FoundModule {
  /** Absolute; of a namespace package: its first folder. */
  readonly path: string;
  readonly isPackage: boolean;
  /** Of a namespace package: all of them. */
  readonly folders?: readonly string[];
  /** Names of submodules; undefined for what is no package. */
  readonly children: readonly string[] | undefined;
  /** Text without comments, or the bytes of a file that is not UTF-8. Line numbers are the file's. */
  readonly source: string | Uint8Array;
  /** Dotted, as its root has it. */
  readonly module: string;
}

/** The files of a folder that are about one module. */
interface ModuleFiles {
  source?: string;
  compiled?: string;
  /** There is something of just this name: the folder of a package, perhaps. */
  isExact?: boolean;
}

const IDENTIFIER = /^[\p{ID_Start}_][\p{ID_Continue}]*$/u;
/** Of a compiled module, `_speed.cpython-311-x86_64-linux-gnu.so`, or of bytecode without a source. */
const COMPILED = /^([^.]+)(?:\.[\w-]+)*\.(so|pyd|pyc)$/;
/** Beyond this the names at the top are not sent: the far side then asks for each. */
const MAX_CHILDREN = 2000;
/** Names of which it is kept that they do not exist. */
const MAX_KNOWN = 5000;
const MAX_SOURCE_BYTES = 16 * 1024 * 1024;

export class PythonFinder {
  readonly trees: SourceTrees;
  readonly #imports = new WeakMap<FoundModule, readonly FoundImport[]>();
  #found = new Map<string, FoundModule | undefined>();
  readonly #places = new Map<string, FoundModule | undefined>();
  readonly #folders = new Map<string, ReadonlyMap<string, ModuleFiles>>();
  #top: readonly string[] | undefined;

  /** @param roots folders and zip files; what does not exist is left out */
  constructor(roots: readonly string[]) {
    this.trees = new SourceTrees(roots);
  }

  /** Allow one more root, after all others. */
  addRoot(root: string): void {
    const before = this.trees.roots.length;
    this.trees.add(root);
    if (this.trees.roots.length === before) return;
    this.#top = undefined;
    this.#found = new Map([...this.#found].filter(([, found]) => found !== undefined));
    for (const [place, found] of this.#places) if (found === undefined) this.#places.delete(place);
  }

  /** The module of that dotted name, or undefined. A file is read once: what was sent and what is sent later agree. */
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

  /** Where `at` finds it. */
  placeOf({ path, isPackage, folders }: FoundModule): string {
    if (folders !== undefined) return path;
    return isPackage ? dirname(path) : join(dirname(path), moduleName(basename(path)));
  }

  /** What a module that was found imports; read once, for all contexts. */
  imports(found: FoundModule): readonly FoundImport[] {
    const known = this.#imports.get(found);
    if (known !== undefined) return known;
    const { source, module, isPackage } = found;
    const text = typeof source === "string" ? source : Buffer.from(source).toString("latin1");
    const imports = findImports(text, { module, isPackage });
    this.#imports.set(found, imports);
    return imports;
  }

  /** Names of the modules at the top of all roots; undefined when they are too many. */
  top(): readonly string[] | undefined {
    this.#top ??= [...new Set(this.trees.roots.flatMap((root) => this.children(root)))].sort();
    return this.#top.length > MAX_CHILDREN ? undefined : this.#top;
  }

  /** What could be imported from a folder: `name.py`, compiled modules, and folders whose name is one. */
  children(folder: string): string[] {
    const names = [...this.#index(folder)].flatMap(([name, files]) => {
      const isModule = files.source !== undefined || files.compiled !== undefined;
      return name !== "__init__" && (isModule || this.#mayBePackage(folder, name)) ? [name] : [];
    });
    return names.sort();
  }

  /** A folder, or a link of which it is not known where it leads. */
  #mayBePackage(folder: string, name: string): boolean {
    if (!IDENTIFIER.test(name) || name === "__pycache__") return false;
    return (this.trees.entry(join(folder, name))?.size ?? -1) < 0;
  }

  /** What is in a folder, by the name that it would be imported by; read once. A dot in a file's name stands as `_` there. */
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
      // A namespace package is found only where nothing else is, in any root (PEP 420).
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

  /** What cannot be read fails over there, where it is imported, as it would here. */
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

/** From a map that may not grow for ever by what does not exist. */
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

/** One step down: no step up, none on the spot, and nothing hidden. */
function isName(step: string): boolean {
  return step !== "" && !/^\.|[/\\\0]/.test(step);
}

/** By which a file or folder is imported. */
function moduleName(file: string): string {
  if (file.endsWith(".py")) return file.slice(0, -3).replaceAll(".", "_");
  return COMPILED.exec(file)?.[1] ?? file;
}

/** The source of a module that cannot be had. What tells the kinds of ImportError apart takes it for one that is not installed. */
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
