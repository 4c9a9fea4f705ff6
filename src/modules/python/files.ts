/**
 * The files beside Python modules that a context may read: those of regular packages of which a
 * module was sent, and the metadata of distributions (`*.dist-info`, `*.egg-info`). Of other
 * folders, a context may see only the names of modules. Knows no message.
 */
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { contains, realpath } from "../roots.ts";
import type { TreeEntry } from "../source-trees.ts";
import type { FoundModule, PythonFinder } from "./finder.ts";

const MAX_RESOURCE_BYTES = 128 * 1024 * 1024;
/** The most bytes of one answer about all distributions. */
const MAX_METADATA_BYTES = 1024 * 1024;
const DISTRIBUTION = /\.(?:dist|egg)-info$/;

/** Whether the package with this `__init__.py` was sent. */
type IsSent = (path: string) => boolean;

export class PythonFiles {
  readonly #finder: PythonFinder;

  constructor(finder: PythonFinder) {
    this.#finder = finder;
  }

  /** The bytes of a file in the folder of a regular package. The path uses `/`. */
  resource(found: FoundModule, path: string): Uint8Array | undefined {
    const file = path.endsWith("/") ? undefined : this.#inside(found, path);
    return file === undefined ? undefined : this.#read(file);
  }

  /** The names in a folder of a regular package; those of folders end with `/`. */
  resources(found: FoundModule, path: string): string[] | undefined {
    const folder = this.#inside(found, path);
    if (folder === undefined || !this.#finder.trees.isFolder(folder)) return undefined;
    const entries = this.#finder.trees.list(folder);
    return entries.map(({ name, size }) => (size < 0 ? `${name}/` : name));
  }

  /** The bytes of a file. @param path absolute */
  file(path: string, isSent: IsSent): Uint8Array | undefined {
    return this.#serves(path, isSent) ? this.#read(path) : undefined;
  }

  /** The names in a folder. @param path absolute */
  folder(path: string, isSent: IsSent): TreeEntry[] | undefined {
    const { trees } = this.#finder;
    const root = resolve(path) === path ? trees.rootOf(path) : undefined;
    if (root === undefined || !trees.isFolder(path)) return undefined;
    if (this.#serves(path, isSent)) return trees.list(path);
    // In a folder of no package, the names of modules may be seen, and other names may not.
    const children = new Set(this.#finder.children(path));
    return trees.list(path).filter(({ name, size }) => {
      if (path === root && DISTRIBUTION.test(name)) return true;
      const [stem = ""] = name.split(".");
      if (size < 0) return children.has(name);
      return name !== stem && (stem === "__init__" || children.has(stem));
    });
  }

  /** A file of each distribution in the roots that has it, by the distribution's folder. */
  metadata(root: string, name: string): Record<string, Uint8Array> {
    const { trees } = this.#finder;
    const all: Record<string, Uint8Array> = {};
    let left = MAX_METADATA_BYTES;
    if (!trees.roots.includes(root) || !isStep(name)) return all;
    for (const folder of trees.names(root)) {
      const path = join(root, folder, name);
      const size = DISTRIBUTION.test(folder) ? (trees.entry(path)?.size ?? -1) : -1;
      if (size < 0 || size > left) continue;
      const data = this.#read(path);
      if (data === undefined) continue;
      left -= data.length;
      all[folder] = data;
    }
    return all;
  }

  /**
   * Advice for code that looked for a file on the remote machine and did not find it.
   *
   * @param path absolute
   */
  explainMissing(path: string): string {
    const { trees } = this.#finder;
    const root = trees.rootOf(path);
    const real = realpath(path);
    if (root !== undefined && real !== undefined && trees.real(path) === undefined) {
      return `it is a link to ${real}, which is in none of the folders that may be read`;
    }
    const [first = "", ...inside] = relative(root ?? path, path).split(sep);
    const isPackage = root !== undefined && this.#finder.at(join(root, first))?.isPackage === true;
    return isPackage || inside.length > 0
      ? `only Python's own functions read files of a forwarded package; --unpack ${first} places real ones there`
      : "files beside a module that is in no package are not sent; --unpack NAME, with the module's name, places them there";
  }

  #read(path: string): Uint8Array | undefined {
    try {
      return this.#finder.trees.read(path, MAX_RESOURCE_BYTES);
    } catch {
      return undefined;
    }
  }

  /**
   * Whether a path may be read: it is a module, in a package that was sent, or distribution
   * metadata.
   */
  #serves(path: string, isSent: IsSent): boolean {
    const { trees } = this.#finder;
    const root = resolve(path) === path ? trees.rootOf(path) : undefined;
    if (root === undefined) return false;
    const steps = relative(root, path).split(sep);
    if (!steps.every(isStep)) return false;
    const folders = steps.map((_, i) => join(root, ...steps.slice(0, i + 1)));
    if (path.endsWith(".py") && this.#finder.at(placeOf(path))?.path === path) return true;
    if (DISTRIBUTION.test(steps[0] ?? "")) return this.#isWithin(folders[0] ?? "", path);
    return folders.some(
      (folder) => isSent(join(folder, "__init__.py")) && this.#isWithin(folder, path),
    );
  }

  /** Whether a path stays in its folder or leads to another root, after links are resolved. */
  #isWithin(folder: string, path: string): boolean {
    const { trees } = this.#finder;
    const [outer, inner] = [trees.real(folder), trees.real(path)];
    if (outer === undefined || inner === undefined) return false;
    return contains(outer, inner) || trees.rootOf(outer) !== trees.rootOf(inner);
  }

  #inside(found: FoundModule, path: string): string | undefined {
    // A folder without __init__.py is no package, so its files are not package data.
    if (!found.isPackage || found.folders !== undefined) return undefined;
    if (path !== "" && !path.replace(/\/$/, "").split("/").every(isStep)) return undefined;
    const folder = dirname(found.path);
    const file = resolve(folder, path);
    return this.#isWithin(folder, file) ? file : undefined;
  }
}

/** The path by which the finder knows the module of this file. */
function placeOf(file: string): string {
  const name = basename(file, ".py");
  return name === "__init__" ? dirname(file) : join(dirname(file), name.replaceAll(".", "_"));
}

/** Whether a name is one step down: not `..`, `.`, or an absolute path. */
function isStep(step: string): boolean {
  return step !== "" && step !== "." && step !== ".." && !/[/\0]/.test(step);
}
