/**
 * The folders and files of packages that one JavaScript context may read: those beside modules that
 * it was sent. They are in the roots, also after links are resolved, and not hidden by a dot. Knows
 * no message.
 *
 * Spec: docs/protocol.md, "Files of packages". Twin: stage1/javascript/tier2/package-files.js.
 */
import { type Dirent, lstatSync, readdirSync, readFileSync, type Stats, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { contains, type Roots, realpath } from "./roots.ts";

/**
 * `[TYPE, SIZE, MTIME, MODE]`. A link (`l`) has a fifth element: its target, or "" if the context
 * may not see the target.
 */
type FileEntry = readonly [string, number, number, number, string?];
/** `[REAL, ENTRY, [[NAME, …ENTRY], …]]` */
type FolderListing = readonly [string, FileEntry, readonly (readonly [string, ...FileEntry])[]];

const MAX_FILE_BYTES = 128 * 1024 * 1024;
const MAX_ENTRIES = 20_000;
const PACKAGE = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/;

export class PackageFiles {
  readonly #roots: Roots;
  readonly #packages = new Set<string>();
  /** Folders whose files may be read, but not their subfolders. */
  readonly #flat = new Set<string>();
  readonly #home: string;
  /** Gives the folder of the package.json that a file belongs to. */
  readonly #nearest: (file: string) => string | undefined;

  constructor(roots: Roots, nearest: (file: string) => string | undefined, home = homedir()) {
    this.#roots = roots;
    this.#nearest = nearest;
    this.#home = realpath(home) ?? home;
  }

  /** Notes that a module was sent: from now on, the files of its package may be read. */
  add(module: string): void {
    const folder = PACKAGE.exec(module)?.[0] ?? this.#nearest(module);
    const isOwn = folder !== undefined && this.#roots.contain(folder);
    const chosen = isOwn ? folder : dirname(module);
    // A script in the home folder must not give access to all files of the account.
    (contains(chosen, this.#home) ? this.#flat : this.#packages).add(chosen);
  }

  /** Whether a path may be read. @param real absolute, without links, `.` and `..` */
  has(real: string): boolean {
    if (resolve(real) !== real || !this.#roots.contain(real)) return false;
    if (this.#flat.has(real) || (this.#flat.has(dirname(real)) && !isFolder(real))) return true;
    for (let at = real; ; at = dirname(at)) {
      if (this.#packages.has(at)) return true;
      if (at === dirname(at)) return false;
    }
  }

  /** The listing of a folder; `false` if it does not exist; null if it may not be seen. */
  folder(path: string): FolderListing | false | null {
    const real = this.#real(path);
    if (typeof real !== "string") return real;
    try {
      const info = statSync(real);
      if (!info.isDirectory()) return false;
      const found = readdirSync(real, { withFileTypes: true }).slice(0, MAX_ENTRIES);
      const entries = found.flatMap((one): [string, ...FileEntry][] => {
        const entry = this.#entry(real, one);
        return entry === undefined ? [] : [[one.name, ...entry]];
      });
      return [real, entryOf(info), entries];
    } catch {
      return false;
    }
  }

  /** The bytes of a file; null if it does not exist or may not be seen. */
  file(path: string): Uint8Array | null {
    const real = this.#real(path);
    if (typeof real !== "string") return null;
    try {
      const info = statSync(real);
      return info.isFile() && info.size <= MAX_FILE_BYTES ? readFileSync(real) : null;
    } catch {
      return null;
    }
  }

  #real(path: string): string | false | null {
    if (!isAbsolute(path) || path.includes("\0") || resolve(path) !== path) return null;
    const real = realpath(path);
    // Only within what may be seen does the answer tell whether a path exists.
    if (real === undefined) return this.#mayHold(path) ? false : null;
    return this.has(real) && !this.#roots.hide(real) ? real : null;
  }

  /** Whether the nearest existing folder above a missing path may be seen. */
  #mayHold(path: string): boolean {
    for (let at = dirname(path); ; at = dirname(at)) {
      const real = realpath(at);
      if (real !== undefined) return this.has(real);
      if (at === dirname(at)) return false;
    }
  }

  #entry(folder: string, one: Dirent): FileEntry | undefined {
    const path = join(folder, one.name);
    if (this.#roots.hide(path)) return undefined;
    try {
      if (!one.isSymbolicLink()) {
        return one.isFile() || one.isDirectory() ? entryOf(statSync(path)) : undefined;
      }
      const real = realpath(path);
      const isSeen = real !== undefined && this.#roots.contain(real) && !this.#roots.hide(real);
      const [, size, mtime, mode] = entryOf(lstatSync(path));
      return ["l", size, mtime, mode, isSeen ? real : ""];
    } catch {
      return undefined; // The file was removed meanwhile.
    }
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function entryOf(info: Stats): FileEntry {
  return [info.isDirectory() ? "d" : "f", info.size, info.mtimeMs, info.mode & 0o777];
}

/** The folders that are not in another one of the list. */
export function outermost(folders: readonly string[]): string[] {
  return folders.filter(
    (folder) => !folders.some((other) => other !== folder && contains(other, folder)),
  );
}
