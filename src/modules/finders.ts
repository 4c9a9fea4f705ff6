/** The finders of modules: one for each language, shared by all contexts of a broker. */
import { basename } from "node:path";
import { JavaScriptFinder } from "./javascript/finder.ts";
import { PythonFinder } from "./python/finder.ts";
import { TransformCache } from "./transform-cache.ts";

export interface Finders {
  readonly python: PythonFinder;
  readonly javascript: JavaScriptFinder;
}

/**
 * @param roots folders that modules may come from
 * @param isCached whether transformed modules are kept for other runs
 */
export function findersIn(roots: readonly string[], isCached: boolean): Finders {
  // Python files within JavaScript packages are not modules of the user's.
  const pythonRoots = roots.filter((root) => basename(root) !== "node_modules");
  return {
    python: new PythonFinder(pythonRoots),
    javascript: new JavaScriptFinder(roots, isCached ? new TransformCache() : undefined),
  };
}
