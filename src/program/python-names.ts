/**
 * The name of a Python file in a slave, and the objects that stand for its functions in the master.
 */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { registerFunction } from "../functions/registry.ts";
import { UsageError } from "../index.ts";
import { SourceTrees } from "../modules/source-trees.ts";

interface PythonModule {
  /** The path below the root, without `.py`, starting at the outermost package of the file. */
  readonly place: string;
  /** The folder that the module is imported from. */
  readonly root: string;
}

/** @param file absolute real path */
export function pythonModule(file: string): PythonModule {
  // The name of a module has no dot: `_` stands for it.
  let place = basename(file, ".py").replaceAll(".", "_");
  let root = dirname(file);
  if (place === "__init__") {
    place = basename(root);
    root = dirname(root);
  }
  // A file in a package is a module of that package, so that it may import its siblings.
  while (existsSync(join(root, "__init__.py"))) {
    place = `${basename(root)}/${place}`;
    root = dirname(root);
  }
  const other = `${join(root, place)}.py`;
  if (basename(file) !== "__init__.py" && file !== other && existsSync(other)) {
    const problem = `${file} and ${other} would be one module; rename one`;
    throw new UsageError("ERR_USAGE_FUNCTION", problem);
  }
  return { place, root };
}

/** Whether Python modules can be in a path: a folder or a zip file. */
export function isPythonRoot(path: string): boolean {
  return new SourceTrees([path]).roots.length > 0;
}

export type PythonStub = (...args: readonly unknown[]) => unknown;

/**
 * An object that stands for a function of a Python file and can be passed to a context's `call`.
 * @param file absolute real path
 */
export function pythonFunction(file: string, path: string): PythonStub {
  const { place, root } = pythonModule(file);
  const stub = (): never => {
    throw new UsageError(
      "ERR_USAGE_FUNCTION",
      `${place.replaceAll("/", ".")}:${path} is a Python function; pass it to context.call`,
    );
  };
  Object.defineProperty(stub, "name", { value: path });
  registerFunction(stub, { language: "python", module: place, path, root });
  return stub;
}
