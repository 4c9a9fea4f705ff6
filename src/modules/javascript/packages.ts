/**
 * `package.json` files and the kinds of paths. Each is looked up once, because the resolver asks
 * for the same folders again and again. Looks only inside of the roots. Knows no specifiers.
 */
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Roots, realpath } from "../roots.ts";

export interface Package {
  readonly folder: string;
  readonly json: Readonly<Record<string, unknown>> & { readonly name: string };
}

/** The most paths that are remembered, because a slave may ask for any number. */
const MAX_KNOWN = 50_000;
const MAX_PACKAGE_BYTES = 1024 * 1024;

export class Packages {
  readonly #roots: Roots;
  readonly #read = new Map<string, Package | undefined>();
  readonly #kinds = new Map<string, "file" | "folder" | undefined>();

  constructor(roots: Roots) {
    this.#roots = roots;
  }

  isFile(path: string): boolean {
    return this.#kind(path) === "file";
  }

  isFolder(path: string): boolean {
    return this.#kind(path) === "folder";
  }

  /** The package in this folder. */
  read(folder: string): Package | undefined {
    if (this.#read.has(folder)) return this.#read.get(folder);
    const found = this.#load(folder);
    if (this.#read.size < MAX_KNOWN) this.#read.set(folder, found);
    return found;
  }

  /** The package that a file belongs to. */
  nearest(file: string): Package | undefined {
    for (let folder = dirname(file); ; folder = dirname(folder)) {
      if (folder.endsWith("/node_modules")) return undefined;
      const found = this.read(folder);
      if (found !== undefined || folder === dirname(folder)) return found;
    }
  }

  #load(folder: string): Package | undefined {
    const file = join(folder, "package.json");
    const real = this.isFile(file) ? realpath(file) : undefined;
    if (real === undefined || !this.#roots.contain(real)) return undefined;
    try {
      if (statSync(real).size > MAX_PACKAGE_BYTES) return undefined;
      const json: unknown = JSON.parse(readFileSync(real, "utf8"));
      if (typeof json !== "object" || json === null) return undefined;
      const name = "name" in json && typeof json.name === "string" ? json.name : "";
      return { folder: realpath(folder) ?? folder, json: { ...json, name } };
    } catch {
      return undefined;
    }
  }

  #kind(path: string): "file" | "folder" | undefined {
    if (this.#kinds.has(path)) return this.#kinds.get(path);
    const kind = kindOf(path);
    if (this.#kinds.size < MAX_KNOWN) this.#kinds.set(path, kind);
    return kind;
  }
}

function kindOf(path: string): "file" | "folder" | undefined {
  try {
    const info = statSync(path, { throwIfNoEntry: false });
    return info?.isFile() ? "file" : info?.isDirectory() ? "folder" : undefined;
  } catch {
    return undefined; // The path is a circle of links, or in a folder that cannot be entered.
  }
}
