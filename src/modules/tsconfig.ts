/**
 * The import aliases of a project: `paths` and `baseUrl` of the nearest tsconfig.json or
 * jsconfig.json, which may extend others. Reads them as TypeScript and Bun do. Gives the paths that
 * a specifier may stand for, and does not check that they exist.
 */
import { dirname, isAbsolute, join, resolve } from "node:path";
import { Disk } from "./disk.ts";

interface Config {
  /** An absolute path. */
  readonly baseUrl?: string | undefined;
  readonly paths?: Readonly<Record<string, readonly string[]>> | undefined;
  /** The folder that `paths` are relative to, if there is no `baseUrl`. */
  readonly pathsBase?: string | undefined;
}

const NAMES = ["tsconfig.json", "jsconfig.json"];
/** The most configurations in a chain of `extends`, which may be a circle. */
const MAX_DEPTH = 20;
const MAX_BYTES = 1024 * 1024;

export class Aliases {
  /** Configurations by folder. */
  readonly #known = new Map<string, Config | undefined>();
  readonly #disk: Disk;

  constructor(disk = new Disk()) {
    this.#disk = disk;
  }

  /** The absolute paths to try for a specifier, in order. They may lack a file extension. */
  candidates(specifier: string, parent: string): string[] {
    if (parent.includes("/node_modules/")) return [];
    const config = this.#nearest(dirname(parent));
    if (config === undefined) return [];
    const { baseUrl } = config;
    const aliased = substitutes(config, specifier).map((path) => resolve(baseOf(config), path));
    return baseUrl === undefined ? aliased : [...aliased, join(baseUrl, specifier)];
  }

  /** The folders that aliases of files in `folder` lead to. */
  folders(folder: string): string[] {
    const config = this.#nearest(folder);
    if (config === undefined) return [];
    const all = Object.values(config.paths ?? {}).flat();
    // The folder of `src/*.ts` is `src`, and so is that of `src/main.ts`.
    return all.map((path) => dirname(resolve(baseOf(config), path.replace("*", "x"))));
  }

  #nearest(folder: string): Config | undefined {
    if (this.#known.has(folder)) return this.#known.get(folder);
    const file = NAMES.map((name) => join(folder, name)).find(
      (path) => this.#disk.kind(path) === "file",
    );
    const above = dirname(folder);
    const found =
      file !== undefined ? read(this.#disk, file) : above === folder ? {} : this.#nearest(above);
    this.#known.set(folder, found);
    return found;
  }
}

/** The paths of the matching pattern: an exact one, or else the one with the longest prefix. */
function substitutes({ paths = {} }: Config, specifier: string): readonly string[] {
  let best: { readonly prefix: string; readonly rest: string; readonly key: string } | undefined;
  for (const key of Object.keys(paths)) {
    const [prefix = "", suffix] = key.split("*");
    if (suffix === undefined) {
      if (key === specifier) return paths[key] ?? [];
      continue;
    }
    const isLongEnough = specifier.length >= prefix.length + suffix.length;
    const fits = isLongEnough && specifier.startsWith(prefix) && specifier.endsWith(suffix);
    if (!fits || (best !== undefined && best.prefix.length >= prefix.length)) continue;
    const rest = specifier.slice(prefix.length, specifier.length - suffix.length);
    best = { prefix, rest, key };
  }
  const { key = "", rest = "" } = best ?? {};
  return (paths[key] ?? []).map((path) => path.replace("*", () => rest));
}

function baseOf({ baseUrl, pathsBase = "/" }: Config): string {
  return baseUrl ?? pathsBase;
}

/** An unreadable configuration is empty: the project's own tools report the problem. */
function read(disk: Disk, file: string, depth = 0, configDir = dirname(file)): Config {
  const json = parse(disk, file);
  if (json === undefined || depth > MAX_DEPTH) return {};
  const folder = dirname(file);
  const inherited = [json["extends"] ?? []].flat().map((name) => {
    const base = typeof name === "string" ? baseFile(disk, name, folder) : undefined;
    return base === undefined ? {} : read(disk, base, depth + 1, configDir);
  });
  const own = Object(json["compilerOptions"]) as Record<string, unknown>;
  const named = (path: string) => path.replace(/^\$\{configDir\}(?=\/|$)/, () => configDir);
  const { baseUrl, paths } = own;
  const lists = Object.entries(Object(paths)).map(([key, list]) => [
    key,
    [list]
      .flat()
      .filter((path) => typeof path === "string")
      .map(named),
  ]);
  return {
    ...Object.assign({}, ...inherited),
    ...(typeof baseUrl === "string" ? { baseUrl: resolve(folder, named(baseUrl)) } : {}),
    ...(paths === undefined ? {} : { paths: Object.fromEntries(lists), pathsBase: folder }),
  };
}

function parse(disk: Disk, file: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = disk.read(file, MAX_BYTES);
    if (text === undefined) return undefined;
    const json = Bun.JSONC.parse(text.toString());
    return typeof json === "object" && json !== null
      ? (json as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The file of `extends`: a path, or a package's file such as `@acme/config/tsconfig.base.json`. */
function baseFile(disk: Disk, name: string, folder: string): string | undefined {
  if (/^\.{0,2}(?:\/|$)/.test(name) || isAbsolute(name))
    return variants(disk, resolve(folder, name));
  for (let at = folder; ; at = dirname(at)) {
    const found = variants(disk, join(at, "node_modules", name));
    if (found !== undefined || at === dirname(at)) return found;
  }
}

function variants(disk: Disk, path: string): string | undefined {
  return [path, `${path}.json`, join(path, "tsconfig.json")].find(
    (one) => disk.kind(one) === "file",
  );
}
