/** Whether a package that `--unpack` names is in the roots at all. Sends nothing. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { UsageError } from "../index.ts";
import { PythonFinder } from "../modules/python/finder.ts";
import { realpath } from "../modules/roots.ts";

/** @throws {UsageError} `ERR_USAGE_UNPACK` */
export function checkPackages(names: readonly string[], roots: readonly string[]): void {
  const [unknown] = unknownPackages(names, roots);
  if (unknown === undefined) return;
  const problem = `--unpack ${unknown}: no such package in ${roots.join(", ")}`;
  throw new UsageError("ERR_USAGE_UNPACK", problem);
}

/** @returns the names that are neither a Python module of a root nor a package of JavaScript */
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

/** In the `node_modules` of a folder or of one above it, also deep in there, or the package that the folder is of. */
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

/** A dependency that only another package has. */
function hasNested(modules: string, name: string): boolean {
  if (!existsSync(modules)) return false;
  const found = new Bun.Glob(`**/node_modules/${name}/package.json`);
  for (const _ of found.scanSync({ cwd: modules, dot: true })) return true;
  return false;
}
