/** Checks that the packages of `--unpack` are in the roots. Sends nothing. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { UsageError } from "../index.ts";
import { PythonFinder } from "../modules/python/finder.ts";
import { realpath } from "../modules/roots.ts";

/** @throws {UsageError} `ERR_USAGE_UNPACK` */
export function checkPackages(names: readonly string[], roots: readonly string[]): void {
  const [unknown] = unknownPackages(names, roots);
  if (unknown === undefined) return;
  const what = `--unpack ${unknown}: no such package in ${roots.join(", ")}`;
  const hint = "check the name, or add its folder: --python-path DIR, or --roots DIR of a program";
  const problem = `${what}\n  try: ${hint}`;
  throw new UsageError("ERR_USAGE_UNPACK", problem);
}

/** The names that are neither a Python module in a root nor a JavaScript package. */
function unknownPackages(names: readonly string[], roots: readonly string[]): string[] {
  if (names.length === 0) return [];
  const finder = new PythonFinder(roots);
  const isPython = (name: string) =>
    finder.trees.roots.some((root) => {
      const place = join(root, name);
      return finder.trees.isFolder(place) || finder.at(place) !== undefined;
    });
  return names.filter((name) => !isPython(name) && !roots.some((root) => hasScript(root, name)));
}

/**
 * Whether a package is in a `node_modules` of the folder or above it, at any depth, or is the
 * package of the folder itself.
 */
function hasScript(root: string, name: string): boolean {
  const folders: string[] = [];
  for (let at = realpath(root) ?? "/"; ; at = dirname(at)) {
    folders.push(at);
    if (existsSync(join(at, "node_modules", name))) return true;
    if (at === dirname(at)) break;
  }
  return folders.some((at) => isPackage(at, name) || hasNested(join(at, "node_modules"), name));
}

function isPackage(folder: string, name: string): boolean {
  try {
    const json: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return (json as { readonly name?: unknown } | null)?.name === name;
  } catch {
    return false;
  }
}

/** Whether a package is there as a dependency of another package. */
function hasNested(modules: string, name: string): boolean {
  if (!existsSync(modules)) return false;
  const found = new Bun.Glob(`**/node_modules/${name}/package.json`);
  for (const _ of found.scanSync({ cwd: modules, dot: true })) return true;
  return false;
}
