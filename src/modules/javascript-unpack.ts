/**
 * Packages of JavaScript that a context has as real files (`--unpack`), with all that they depend on: which files they are made of, in pieces of
 * bounded size. The user named them, so all of their files are sent, compiled ones too. They keep their paths, below a folder over there: so
 * an interpreter finds them as it does here. Twin: stage1/js/unpacking.js.
 */
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { FoundScript } from "./javascript-finder.ts";
import type { Packages } from "./javascript-packages.ts";
import { pack } from "./packed.ts";
import { type Roots, realpath } from "./roots.ts";

/** `[PATH, MODE, BYTES]`; of a link `[PATH, TARGET]`. */
export type UnpackedFile =
  | readonly [string, number, Uint8Array]
  | readonly [path: string, target: string];

const MAX_TOTAL_BYTES = 512 * 1024 * 1024;
const MAX_PIECE_BYTES = 16 * 1024 * 1024;
const IN_MODULES = /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)(?=\/)/;
const DEPENDENCIES = ["dependencies", "optionalDependencies", "peerDependencies"] as const;

interface Found {
  readonly path: string;
  readonly size: number;
  readonly mode: number;
  /** Of a link. */
  readonly target?: string;
}

export class JavaScriptUnpack {
  readonly #roots: Roots;
  readonly #packages: Packages;
  readonly #names: readonly string[];
  readonly #listed = new Map<string, readonly Found[] | undefined>();

  constructor(roots: Roots, packages: Packages, names: readonly string[]) {
    this.#roots = roots;
    this.#packages = packages;
    this.#names = names;
  }

  /** The folder of the package that a module is of, if that is one of those that were named. */
  folderOf(module: string): string | undefined {
    if (this.#names.length === 0 || realpath(module) !== module) return undefined;
    const [folder, name] = IN_MODULES.exec(module) ?? [];
    const own = folder === undefined ? this.#packages.nearest(module) : undefined;
    const known = own?.folder ?? folder;
    const isNamed = this.#names.includes(name ?? own?.json.name ?? "");
    return known !== undefined && isNamed && this.#roots.contain(module) ? known : undefined;
  }

  /** The next files behind the first `done`; none at the end; null where it is too much, or was not named. */
  piece(folder: string, done: number): UnpackedFile[] | null {
    if (this.folderOf(join(folder, "package.json")) !== folder) return null;
    if (!this.#listed.has(folder)) this.#listed.set(folder, this.#list(folder));
    const files: UnpackedFile[] = [];
    let bytes = 0;
    for (const { path, size, mode, target } of this.#listed.get(folder)?.slice(done) ?? []) {
      if (files.length > 0 && bytes + size > MAX_PIECE_BYTES) break;
      files.push(target === undefined ? [path, mode, bytesOf(path)] : [path, target]);
      bytes += size;
    }
    return this.#listed.get(folder) === undefined ? null : files;
  }

  #list(first: string): readonly Found[] | undefined {
    const found: Found[] = [];
    let left = MAX_TOTAL_BYTES;
    const folders = new Set([first]);
    const links = new Set<string>();
    for (const folder of folders) {
      for (const file of filesOf(folder)) {
        found.push(file);
        left -= file.size;
        if (left < 0) return undefined;
      }
      for (const place of this.#dependencies(folder)) {
        const real = realpath(place);
        if (real === undefined || !this.#roots.contain(real)) continue;
        folders.add(real);
        if (real === place || links.has(place)) continue;
        links.add(place);
        found.push({ path: place, size: 0, mode: 0, target: real });
      }
    }
    return found;
  }

  /** Where a package finds those that it names: optional ones may be missing. */
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

/** A module that the far side's own interpreter loads from its folder. */
export function unpackedRecord(name: string, folder: string): FoundScript {
  const source = pack(JSON.stringify(folder));
  return { name, hash: "", format: "unpacked", dependencies: {}, source, follows: [], later: [] };
}

/** Of one package: those of packages within it are their own affair. */
function filesOf(folder: string): Found[] {
  const found: Found[] = [];
  for (const one of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, one.name);
    if (one.isDirectory()) {
      if (one.name !== "node_modules" && one.name !== ".git") found.push(...filesOf(path));
    } else if (one.isFile()) {
      const { size, mode } = lstatSync(path);
      found.push({ path, size, mode: mode & 0o100 ? 0o700 : 0o600 });
    }
  }
  return found;
}

/** It was there a moment ago: an empty one in its place keeps the count. */
function bytesOf(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch {
    return new Uint8Array();
  }
}
