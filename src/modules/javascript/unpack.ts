/**
 * The files of JavaScript packages that a context gets as real files (`--unpack`), with all their
 * dependencies. The user named the packages, so all of their files are sent, compiled ones too,
 * except those that the roots hide. Files keep their paths below a folder of the remote machine, so
 * that an interpreter finds them as on this machine. Twin: stage1/javascript/tier2/unpacking.js.
 */
import { type Dirent, lstatSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pack } from "../packed.ts";
import { type Roots, realpath } from "../roots.ts";
import { UnpackList } from "../unpack-list.ts";
import type { FoundScript } from "./finder.ts";
import type { Packages } from "./packages.ts";

/** `[PATH, MODE, BYTES]`, or `[PATH, TARGET]` for a link. */
export type UnpackedFile =
  | readonly [string, number, Uint8Array]
  | readonly [path: string, target: string];

const IN_MODULES = /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)(?=\/)/;
const LEFT_OUT: readonly string[] = ["node_modules", ".git"];
const DEPENDENCIES = ["dependencies", "optionalDependencies", "peerDependencies"] as const;

interface Found {
  readonly path: string;
  readonly size: number;
  readonly mode: number;
  /** The target of a link. */
  readonly target?: string;
}

export class JavaScriptUnpack {
  readonly #roots: Roots;
  readonly #packages: Packages;
  readonly #names: readonly string[];
  readonly #listed = new Map<string, UnpackList<Found>>();

  constructor(roots: Roots, packages: Packages, names: readonly string[]) {
    this.#roots = roots;
    this.#packages = packages;
    this.#names = names;
  }

  get isUsed(): boolean {
    return this.#names.length > 0;
  }

  /** The folder of the package that a module belongs to, if the user named that package. */
  folderOf(module: string): string | undefined {
    if (this.#names.length === 0 || realpath(module) !== module) return undefined;
    const [folder, name] = IN_MODULES.exec(module) ?? [];
    const own = folder === undefined ? this.#packages.nearest(module) : undefined;
    const known = own?.folder ?? folder;
    const isNamed = this.#names.includes(name ?? own?.json.name ?? "");
    return known !== undefined && isNamed && this.#roots.contain(module) ? known : undefined;
  }

  /**
   * The files after the first `done`; none at the end; null if the package is too large or was not
   * named.
   */
  piece(folder: string, done: number): UnpackedFile[] | null {
    if (this.folderOf(join(folder, "package.json")) !== folder) return null;
    const listed = this.#listed.get(folder) ?? this.#list(folder);
    this.#listed.set(folder, listed);
    if (!listed.isSendable) return null;
    return listed.piece(done).map(({ path, mode, target }) => {
      return target === undefined ? [path, mode, bytesOf(path)] : [path, target];
    });
  }

  #list(first: string): UnpackList<Found> {
    const list = new UnpackList<Found>();
    const folders = new Set([first]);
    const links = new Set<string>();
    for (const folder of folders) {
      this.#add(folder, list);
      if (!list.isSendable) break;
      for (const place of this.#dependencies(folder)) {
        const real = realpath(place);
        if (real === undefined || !this.#roots.contain(real)) continue;
        folders.add(real);
        if (real === place || links.has(place)) continue;
        links.add(place);
        list.add({ path: place, size: 0, mode: 0, target: real });
      }
    }
    return list;
  }

  /** Adds the files of one package. Packages within it are dependencies, or are not needed. */
  #add(folder: string, list: UnpackList<Found>): void {
    for (const one of entriesOf(folder)) {
      const path = join(folder, one.name);
      if (!list.isSendable) return;
      if (LEFT_OUT.includes(one.name) || this.#roots.hide(path)) continue;
      if (one.isDirectory()) this.#add(path, list);
      const found = one.isFile() ? lstatSync(path, { throwIfNoEntry: false }) : undefined;
      if (found === undefined) continue;
      list.add({ path, size: found.size, mode: found.mode & 0o100 ? 0o700 : 0o600 });
    }
  }

  /** The folders of the packages that a package needs. Optional ones may be missing. */
  #dependencies(folder: string): string[] {
    const json: Readonly<Record<string, unknown>> = this.#packages.read(folder)?.json ?? {};
    const names = DEPENDENCIES.flatMap((key) => Object.keys((json[key] as object | null) ?? {}));
    return [...new Set(names)].flatMap((name) => {
      for (let at = folder; ; at = dirname(at)) {
        const place = join(at, "node_modules", name);
        if (!at.endsWith("/node_modules") && this.#packages.isFolder(place)) return [place];
        if (at === dirname(at)) return [];
      }
    });
  }
}

/** The record of a module that the slave's own interpreter loads from its folder. */
export function unpackedRecord(name: string, folder: string): FoundScript {
  const source = pack(folder);
  return { name, hash: "", format: "unpacked", dependencies: {}, source, follows: [], later: [] };
}

/** A folder that cannot be read counts as empty. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/**
 * An empty file replaces one that cannot be read or was removed meanwhile: the count stays right.
 */
function bytesOf(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch {
    return new Uint8Array();
  }
}
