/**
 * The trees that Python modules come from: folders and zip files that the user allowed. Paths are
 * absolute. A path in a zip file continues after the file's name, as Python writes it. Symbolic
 * links are followed within the roots. Knows no module.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { contains, Roots, realpath } from "./roots.ts";
import { ZipArchive } from "./zip-archive.ts";

export interface TreeEntry {
  readonly name: string;
  /** Size in bytes; -1 for a folder. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly modified: number;
  readonly isExecutable: boolean;
}

export class SourceTrees {
  #roots: Roots;
  #named: string[];
  readonly #archives = new Map<string, ZipArchive>();

  /** @param roots folders and zip files, of which those that do not exist are left out */
  constructor(roots: readonly string[]) {
    this.#named = [...roots];
    this.#roots = this.#open();
  }

  /** Adds a root after all others. */
  add(root: string): void {
    if (this.#named.includes(root)) return;
    this.#named.push(root);
    this.#roots = this.#open();
  }

  /** The absolute real paths of the roots. */
  get roots(): readonly string[] {
    return this.#roots.folders;
  }

  /** The root that a path lies in. */
  rootOf(path: string): string | undefined {
    return this.roots.find((root) => contains(root, path));
  }

  entry(path: string): Omit<TreeEntry, "name"> | undefined {
    const zip = this.#archive(path);
    if (zip !== undefined) {
      const size = zip.archive.size(zip.inside);
      const modified = zip.archive.modifiedMs / 1e3;
      return size === undefined ? undefined : { size, modified, isExecutable: false };
    }
    const real = this.real(path);
    if (real === undefined) return undefined;
    try {
      const info = statSync(real);
      if (!info.isFile() && !info.isDirectory()) return undefined;
      const isExecutable = (info.mode & 0o100) !== 0;
      return { size: info.isFile() ? info.size : -1, modified: info.mtimeMs / 1e3, isExecutable };
    } catch {
      return undefined;
    }
  }

  isFolder(path: string): boolean {
    return this.entry(path)?.size === -1;
  }

  /** The sorted names in a folder; empty if the path is not a folder. */
  names(folder: string): readonly string[] {
    const zip = this.#archive(folder);
    if (zip !== undefined) return [...zip.archive.names(zip.inside)].sort();
    const real = this.real(folder);
    if (real === undefined) return [];
    try {
      return readdirSync(real).sort();
    } catch {
      return [];
    }
  }

  /** The entries of a folder, except links that lead out of the roots. */
  list(folder: string): TreeEntry[] {
    return this.names(folder).flatMap((name) => {
      const entry = this.entry(join(folder, name));
      return entry === undefined ? [] : [{ name, ...entry }];
    });
  }

  /**
   * The bytes of a file.
   *
   * @returns undefined if there is no file, or if it has more than `limit` bytes
   * @throws if the file cannot be read
   */
  read(path: string, limit: number): Uint8Array | undefined {
    const size = this.entry(path)?.size ?? -1;
    if (size < 0 || size > limit) return undefined;
    const zip = this.#archive(path);
    if (zip !== undefined) return zip.archive.read(zip.inside);
    const real = this.real(path);
    return real === undefined ? undefined : readFileSync(real);
  }

  #open(): Roots {
    const roots = new Roots(this.#named);
    const usable = roots.folders.filter((root) => this.#archives.has(root) || this.#opens(root));
    return usable.length === roots.folders.length ? roots : new Roots(usable);
  }

  /** Whether a root is a folder or a readable zip file. */
  #opens(root: string): boolean {
    try {
      if (statSync(root).isDirectory()) return true;
      this.#archives.set(root, new ZipArchive(root));
      return true;
    } catch {
      return false;
    }
  }

  #archive(path: string): { archive: ZipArchive; inside: string } | undefined {
    for (const [root, archive] of this.#archives) {
      if (contains(root, path))
        return { archive, inside: relative(root, path).split(sep).join("/") };
    }
    return undefined;
  }

  /** The path without links; undefined if nothing exists there or it is outside of the roots. */
  real(path: string): string | undefined {
    if (this.#archive(path) !== undefined) return this.entry(path) === undefined ? undefined : path;
    const real = realpath(path);
    return real !== undefined && this.#roots.contain(real) ? real : undefined;
  }
}
