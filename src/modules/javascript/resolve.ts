/**
 * Resolves a specifier to a file as Node does, and relative specifiers as TypeScript does too.
 * Looks only inside of the roots, and does not tell whether a file outside of them exists. Knows
 * nothing about the content of modules.
 */
import { builtinModules } from "node:module";
import { dirname, extname, isAbsolute, join, resolve } from "node:path";
import { exports as exportsOf, imports as importsOf } from "resolve.exports";
import type { Disk } from "../disk.ts";
import type { Roots } from "../roots.ts";
import { Aliases } from "../tsconfig.ts";
import type { Package, Packages } from "./packages.ts";

export type RequestKind = "import" | "require";

/** The target of a specifier: a file, a builtin of the slave, or none with the reason. */
type Resolution =
  | { readonly file: string }
  | { readonly builtin: string }
  | { readonly outside: string }
  | { readonly missing: true };

const MISSING: Resolution = { missing: true };
/** The extensions to try for a name without one. */
const ENDINGS = [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json", ".node"];
/** The extensions that Node itself tries in packages. */
const PLAIN_ENDINGS = [".js", ".json", ".node"];
/** TypeScript sources name the files that they are compiled to. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  ".js": [".ts", ".tsx"],
  ".jsx": [".tsx"],
  ".mjs": [".mts"],
  ".cjs": [".cts"],
};
const BARE = /^(@[^/\\%]+\/[^/\\%]+|[^@./\\%][^/\\%]*)(\/.*)?$/;

export class Resolver {
  readonly #roots: Roots;
  readonly #packages: Packages;
  readonly #disk: Disk;
  readonly #aliases: Aliases;

  constructor(roots: Roots, packages: Packages, disk: Disk) {
    this.#roots = roots;
    this.#packages = packages;
    this.#disk = disk;
    this.#aliases = new Aliases(disk);
  }

  resolve(specifier: string, parent: string, kind: RequestKind): Resolution {
    const builtin = builtinName(specifier);
    if (builtin !== undefined) return { builtin };
    if (specifier.includes("\0")) return MISSING;
    const path = asPath(specifier, dirname(parent));
    if (path !== undefined) {
      // A specifier that ends so is a folder: `./`, `..`.
      return this.#path(path, kind, /(?:^|\/)\.{0,2}$/.test(specifier));
    }
    const aliased = this.#alias(specifier, parent, kind);
    if ("file" in aliased) return aliased;
    const found = specifier.startsWith("#")
      ? this.#imports(specifier, parent, kind)
      : this.#bare(specifier, parent, kind);
    return "missing" in found ? aliased : found;
  }

  /** The target by `paths` and `baseUrl` of a tsconfig.json. */
  #alias(specifier: string, parent: string, kind: RequestKind): Resolution {
    let first = MISSING;
    for (const candidate of this.#aliases.candidates(specifier, parent)) {
      const found = this.#path(candidate, kind);
      if ("file" in found) return found;
      if ("missing" in first) first = found;
    }
    return first;
  }

  /** A file with exactly this name. */
  exact(path: string): Resolution {
    if (!this.#roots.contain(path)) return { outside: path };
    const real = this.#packages.isFile(path) ? this.#disk.real(path) : undefined;
    if (real === undefined) return MISSING;
    return this.#roots.contain(real) ? { file: real } : { outside: real };
  }

  /** The file itself, by TypeScript's rules, with an extension, or the index of a folder. */
  #path(path: string, kind: RequestKind, onlyFolder = false): Resolution {
    if (!this.#roots.contain(path)) return { outside: path };
    const isTyped = !path.includes("/node_modules/");
    const endings = isTyped ? ENDINGS : PLAIN_ENDINGS;
    if (!onlyFolder) {
      const extension = extname(path);
      const stem = path.slice(0, path.length - extension.length);
      const sources = isTyped ? (SOURCES[extension] ?? []).map((ending) => stem + ending) : [];
      // An ES module of a package names files in full.
      const isExtensible = isTyped || kind === "require";
      const added = isExtensible ? endings.map((ending) => path + ending) : [];
      for (const candidate of [path, ...sources, ...added]) {
        const found = this.exact(candidate);
        if (!("missing" in found)) return found;
      }
    }
    return isTyped || kind === "require" ? this.#folder(path, endings) : MISSING;
  }

  #folder(path: string, endings: readonly string[]): Resolution {
    if (!this.#packages.isFolder(path)) return MISSING;
    const main = this.#packages.read(path)?.json["main"];
    if (typeof main === "string" && resolve(path, main) !== path) {
      const found = this.#path(resolve(path, main), "require");
      if (!("missing" in found)) return found;
    }
    for (const ending of endings) {
      const found = this.exact(join(path, `index${ending}`));
      if (!("missing" in found)) return found;
    }
    return MISSING;
  }

  #bare(specifier: string, parent: string, kind: RequestKind): Resolution {
    const [, name, rest = ""] = BARE.exec(specifier) ?? [];
    if (name === undefined) return MISSING;
    const own = this.#packages.nearest(parent);
    if (own?.json["name"] === name && own.json["exports"] !== undefined) {
      return this.#exports(own, `.${rest}`, kind);
    }
    for (let folder = dirname(parent); ; folder = dirname(folder)) {
      const modules = join(folder, "node_modules");
      if (!folder.endsWith("/node_modules") && this.#roots.contain(modules)) {
        const found = this.#inPackage(join(modules, name), rest, kind);
        if (found !== undefined) return found;
      }
      if (folder === dirname(folder)) return MISSING;
    }
  }

  #inPackage(folder: string, rest: string, kind: RequestKind): Resolution | undefined {
    if (this.#packages.isFolder(folder)) {
      const real = this.#disk.real(folder);
      if (real === undefined) return undefined;
      // A link to a package outside of the roots: report it, and look no further.
      if (!this.#roots.contain(real)) return { outside: real };
      const found = this.#packages.read(real);
      if (found !== undefined && (found.json["exports"] ?? null) !== null) {
        return this.#exports(found, `.${rest}`, kind);
      }
      // `import "pkg"` uses the main file of a folder, even though `import "./pkg"` does not.
      const isFolder = rest === "" || rest.endsWith("/");
      return this.#path(real + rest, isFolder ? "require" : kind, isFolder);
    }
    const file = this.#path(folder + rest, kind);
    return "missing" in file ? undefined : file;
  }

  #exports(found: Package, subpath: string, kind: RequestKind): Resolution {
    const options = { unsafe: true, conditions: conditions(kind) };
    return this.#first(found, () => exportsOf(found.json, subpath, options) || undefined, kind);
  }

  #imports(specifier: string, parent: string, kind: RequestKind): Resolution {
    const own = this.#packages.nearest(parent);
    if (own === undefined) return MISSING;
    const options = { unsafe: true, conditions: conditions(kind) };
    return this.#first(
      own,
      () => importsOf(own.json, specifier as `#${string}`, options) || undefined,
      kind,
    );
  }

  /** The first valid target of a list, whether or not its file exists. */
  #first(
    found: Package,
    targets: () => readonly string[] | undefined,
    kind: RequestKind,
  ): Resolution {
    let list: readonly string[] | undefined;
    try {
      list = targets();
    } catch {
      return MISSING; // The package does not export it.
    }
    const target = list?.[0];
    if (target === undefined) return MISSING;
    if (target.startsWith("./")) {
      if (/(?:^|\/)(?:\.\.|node_modules)(?:\/|$)/.test(target.slice(2))) return MISSING;
      return this.exact(join(found.folder, target));
    }
    // `imports` may name another package or a builtin.
    if (target.startsWith("#") || isAbsolute(target) || target.startsWith("..")) return MISSING;
    return this.resolve(target, join(found.folder, "package.json"), kind);
  }
}

function conditions(kind: RequestKind): string[] {
  return ["node", kind, "module-sync", "default"];
}

function asPath(specifier: string, folder: string): string | undefined {
  if (/^\.{0,2}(?:\/|$)/.test(specifier)) return resolve(folder, decoded(specifier));
  if (!specifier.startsWith("file:")) return undefined;
  try {
    return Bun.fileURLToPath(specifier);
  } catch {
    return undefined;
  }
}

/** Import specifiers are URLs, but a path with a query is never looked up. */
function decoded(specifier: string): string {
  return specifier.replace(/\?.*$/, "");
}

/** The builtins of a slave: those of Node, of Bun and of econtext. */
function builtinName(specifier: string): string | undefined {
  if (specifier === "econtext" || specifier === "bun" || specifier.startsWith("bun:")) {
    return specifier;
  }
  if (specifier.startsWith("node:")) return specifier;
  return BARE_BUILTINS.has(specifier) ? `node:${specifier}` : undefined;
}

/** The builtins of Node without `node:` in front. Bun counts some packages as builtins. */
const BARE_BUILTINS = new Set(
  builtinModules.filter((name) => !/^(?:bun|node:|ws$|undici$)/.test(name)),
);
