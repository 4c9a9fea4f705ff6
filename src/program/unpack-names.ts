/** Whether a package that `--unpack` names is in the roots at all. Sends nothing. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { PythonFinder } from "../modules/python-finder.ts";
import { realpath } from "../modules/roots.ts";

/** @returns the names that are a Python package or module of no root, and a package of no `node_modules` */
export function unknownPackages(names: readonly string[], roots: readonly string[]): string[] {
  if (names.length === 0) return [];
  const finder = new PythonFinder(roots);
  const isPython = (name: string) =>
    finder.trees.roots.some((root) => {
      const place = join(root, name);
      return finder.trees.isFolder(place) || finder.at(place) !== undefined;
    });
  return names.filter((name) => !isPython(name) && !roots.some((root) => hasScript(root, name)));
}

/** In the `node_modules` of a folder or of one above it. */
function hasScript(root: string, name: string): boolean {
  for (let at = realpath(root) ?? "/"; ; at = dirname(at)) {
    if (existsSync(join(at, "node_modules", name))) return true;
    if (at === dirname(at)) return false;
  }
}
