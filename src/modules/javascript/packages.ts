/**
 * `package.json` files. Each is read once, because the resolver asks for the same folders again and
 * again. Looks only inside of the roots. Knows no specifiers.
 */
import { dirname, join } from "node:path";
import type { Disk } from "../disk.ts";
import type { Roots } from "../roots.ts";

export interface Package {
  readonly folder: string;
  readonly json: Readonly<Record<string, unknown>> & { readonly name: string };
}

/** The most folders that are remembered, because a slave may ask for any number. */
const MAX_KNOWN = 50_000;
const MAX_PACKAGE_BYTES = 1024 * 1024;

export class Packages {
  readonly #roots: Roots;
  readonly #read = new Map<string, Package | undefined>();
  readonly #disk: Disk;

  constructor(roots: Roots, disk: Disk) {
    this.#roots = roots;
    this.#disk = disk;
  }

  isFile(path: string): boolean {
    return this.#disk.kind(path) === "file";
  }

  isFolder(path: string): boolean {
    return this.#disk.kind(path) === "folder";
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
    const real = this.isFile(file) ? this.#disk.real(file) : undefined;
    if (real === undefined || !this.#roots.contain(real)) return undefined;
    try {
      const text = this.#disk.read(real, MAX_PACKAGE_BYTES);
      if (text === undefined) return undefined;
      const json: unknown = JSON.parse(text.toString());
      if (typeof json !== "object" || json === null) return undefined;
      const name = "name" in json && typeof json.name === "string" ? json.name : "";
      return { folder: this.#disk.real(folder) ?? folder, json: { ...json, name } };
    } catch {
      return undefined;
    }
  }
}
