/**
 * Finds the import of something that a module does not export: the runtime names only the module.
 */
import { dirname } from "node:path";

const MISSING = /^Export named '([^']+)' not found in module '([^']+)'/;
const IMPORTS = /\b(?:import|export)\b[^;"'`]*?\{([^}]*)\}\s*from\s*(["'])([^"'\n]+)\2/g;

interface Source {
  readonly name: string;
  readonly source: string;
}

/**
 * Gives such an error the position of the import as its stack.
 *
 * @param sources of the program's modules
 */
export function placeMissingExport(error: unknown, sources: Iterable<Source>): void {
  const [, name, module] = (error instanceof SyntaxError && MISSING.exec(error.message)) || [];
  if (name === undefined || module === undefined) return;
  for (const { name: file, source } of sources) {
    for (const found of source.matchAll(IMPORTS)) {
      const [, names = "", , specifier = ""] = found;
      const at = names.search(new RegExp(`(?<![\\w$])${RegExp.escape(name)}(?![\\w$])`));
      if (at < 0 || (specifier !== module && resolved(specifier, file) !== module)) continue;
      const before = source.slice(0, found.index + found[0].indexOf("{") + 1 + at).split("\n");
      const place = `${file}:${before.length}:${(before.at(-1) ?? "").length + 1}`;
      (error as Error).stack = `SyntaxError: ${(error as Error).message}\n    at ${place}`;
      return;
    }
  }
}

function resolved(specifier: string, file: string): string | undefined {
  try {
    return Bun.resolveSync(specifier, dirname(file));
  } catch {
    return undefined;
  }
}
