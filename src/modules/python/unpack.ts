/**
 * The files of packages that a Python context gets as real files (`--unpack`). The user named the
 * packages, so all of their files are sent, compiled ones too, except hidden ones. Twin:
 * stage1/python/tier2/unpacking.py.
 */
import { basename, dirname, join, relative, resolve } from "node:path";
import { MAX_FILE_BYTES, UnpackList } from "../unpack-list.ts";
import type { PythonFinder } from "./finder.ts";

/** `[PATH, MODE, BYTES]`; the path is relative to the folder that the package is in. */
export type UnpackedFile = readonly [string, number, Uint8Array];

const LEFT_OUT: readonly string[] = ["__pycache__", "node_modules"];

interface Found {
  readonly path: string;
  readonly size: number;
  readonly mode: number;
}

export class PythonUnpack {
  readonly #finder: PythonFinder;
  readonly #listed = new Map<string, UnpackList<Found>>();

  constructor(finder: PythonFinder) {
    this.#finder = finder;
  }

  /**
   * The files after the first `done`.
   *
   * @param place of a module at the top of a root
   * @returns no files at the end; undefined if the package is too large or does not exist
   */
  piece(place: string, done: number): UnpackedFile[] | undefined {
    // Each place has one spelling, so a slave cannot have a package listed again and again.
    if (resolve(place) !== place) return undefined;
    const listed = this.#listed.get(place) ?? this.#list(place);
    this.#listed.set(place, listed);
    if (!listed.isSendable || listed.isEmpty) return undefined;
    return listed.piece(done).map(({ path, mode }) => {
      return [relative(dirname(place), path), mode, this.#read(path)];
    });
  }

  /**
   * An empty file replaces one that cannot be read or was removed meanwhile: the count stays right.
   */
  #read(path: string): Uint8Array {
    try {
      return this.#finder.trees.read(path, MAX_FILE_BYTES) ?? new Uint8Array();
    } catch {
      return new Uint8Array();
    }
  }

  #list(place: string): UnpackList<Found> {
    const list = new UnpackList<Found>();
    for (const path of this.#parts(place)) this.#add(path, list, []);
    return list;
  }

  /** @param above real paths of the folders above: a link to one of them would never end */
  #add(path: string, list: UnpackList<Found>, above: readonly string[]): void {
    const { trees } = this.#finder;
    const { size, isExecutable } = trees.entry(path) ?? {};
    const real = trees.real(path);
    if (size === undefined || real === undefined || !list.isSendable) return;
    if (size >= 0) {
      list.add({ path, size, mode: isExecutable === true ? 0o700 : 0o600 });
      return;
    }
    if (above.includes(real)) return;
    for (const name of trees.names(path)) {
      if (isTaken(name)) this.#add(join(path, name), list, [...above, real]);
    }
  }

  /**
   * A package's folder, and the folders of libraries beside it; for a module, all files beside it.
   */
  #parts(place: string): string[] {
    const { trees } = this.#finder;
    const folder = dirname(place);
    if (trees.isFolder(place)) return [place, `${place}.libs`];
    const module = this.#finder.at(place);
    if (module === undefined) return [];
    if (!module.path.endsWith(".py")) return [module.path];
    if (basename(place) === "") return [];
    const names = trees.names(folder).filter(isTaken);
    return names.map((name) => join(folder, name));
  }
}

function isTaken(name: string): boolean {
  return !name.startsWith(".") && !LEFT_OUT.includes(name);
}
