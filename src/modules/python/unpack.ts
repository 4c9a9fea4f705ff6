/**
 * Packages that a context has as real files (`--unpack`): which files they are made of. The user named them, so all of their files are sent,
 * compiled ones too, except those with a hidden name. Twin: stage1/python/tier2/unpacking.py.
 */
import { basename, dirname, join, relative, resolve } from "node:path";
import { MAX_FILE_BYTES, UnpackList } from "../unpack-list.ts";
import type { PythonFinder } from "./finder.ts";

/** `[PATH, MODE, BYTES]`, the path relative to the folder that the package is in. */
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
   * The next files after the first `done`; none at the end; undefined where the package is too large, or not there.
   *
   * @param place of a module at the top of a root
   */
  piece(place: string, done: number): UnpackedFile[] | undefined {
    // One place has one name: a slave cannot have it listed again and again.
    if (resolve(place) !== place) return undefined;
    const listed = this.#listed.get(place) ?? this.#list(place);
    this.#listed.set(place, listed);
    if (!listed.isSendable || listed.isEmpty) return undefined;
    return listed.piece(done).map(({ path, mode }) => {
      return [relative(dirname(place), path), mode, this.#read(path)];
    });
  }

  /** An empty file stands for one that cannot be read, or has gone since it was listed: the count stays right. */
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

  /** @param above real paths of the folders on the way: a link to one of them has no end */
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

  /** A package's folder, and the libraries beside it; for a module, its file and all that is beside it. */
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
