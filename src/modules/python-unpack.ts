/**
 * Packages that a context has as real files (`--unpack`): which files they are made of, in pieces of bounded size. The user named them, so all
 * of their files are sent, compiled ones too. Twin: stage1/python/unpacking.py.
 */
import { basename, dirname, join, relative } from "node:path";
import type { PythonFinder } from "./python-finder.ts";

/** `[PATH, MODE, BYTES]`, the path relative to the folder that the package is in. */
export type UnpackedFile = readonly [string, number, Uint8Array];

const MAX_TOTAL_BYTES = 512 * 1024 * 1024;
const MAX_PIECE_BYTES = 16 * 1024 * 1024;
const LEFT_OUT: readonly string[] = ["__pycache__", "node_modules"];

interface Found {
  readonly path: string;
  readonly size: number;
  readonly mode: number;
}

export class PythonUnpack {
  readonly #finder: PythonFinder;
  readonly #listed = new Map<string, readonly Found[] | undefined>();

  constructor(finder: PythonFinder) {
    this.#finder = finder;
  }

  /** The next files behind the first `done`; none at the end; undefined where it is too much, or nothing. @param place of a module at the top of a root */
  piece(place: string, done: number): UnpackedFile[] | undefined {
    if (!this.#listed.has(place)) this.#listed.set(place, this.#list(place));
    const listed = this.#listed.get(place);
    if (listed === undefined) return undefined;
    const files: UnpackedFile[] = [];
    let bytes = 0;
    for (const { path, size, mode } of listed.slice(done)) {
      if (files.length > 0 && bytes + size > MAX_PIECE_BYTES) break;
      const data = this.#finder.trees.read(path, MAX_TOTAL_BYTES);
      // It was there a moment ago: an empty one in its place keeps the count.
      files.push([relative(dirname(place), path), mode, data ?? new Uint8Array()]);
      bytes += size;
    }
    return files;
  }

  #list(place: string): readonly Found[] | undefined {
    const found: Found[] = [];
    let left = MAX_TOTAL_BYTES;
    const take = (path: string): void => {
      const { trees } = this.#finder;
      const { size, isExecutable } = trees.entry(path) ?? {};
      if (size === undefined || left < 0) return;
      if (size >= 0) {
        found.push({ path, size, mode: isExecutable === true ? 0o700 : 0o600 });
        left -= size;
        return;
      }
      for (const name of trees.names(path)) {
        if (!name.startsWith(".") && !LEFT_OUT.includes(name)) take(join(path, name));
      }
    };
    for (const path of this.#parts(place)) take(path);
    return left < 0 || found.length === 0 ? undefined : found;
  }

  /** What makes it up: a package's folder, and the libraries beside it; for a module, its file and all that is beside it. */
  #parts(place: string): string[] {
    const { trees } = this.#finder;
    const [folder, name] = [dirname(place), basename(place)];
    if (trees.isFolder(place)) return [place, `${place}.libs`];
    const module = this.#finder.at(place);
    if (module === undefined) return [];
    if (!module.path.endsWith(".py")) return [module.path];
    const files = trees
      .names(folder)
      .filter((file) => !/^\./.test(file) && !LEFT_OUT.includes(file));
    return name === "" ? [] : files.map((file) => join(folder, file));
  }
}
