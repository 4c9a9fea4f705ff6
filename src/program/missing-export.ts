/** Where a program imports what a module does not export: the runtime names only the module. Runs nothing. */
import { dirname } from "node:path";

const MISSING = /^Export named '([^']+)' not found in module '([^']+)'/;
const IMPORTS = /\b(?:import|export)\b[^;"'`]*?\{([^}]*)\}\s*from\s*(["'])([^"'\n]+)\2/g;

interface Source {
  readonly name: string;
  readonly source: string;
}

/** Give such an error the place of the import as its stack. @param sources of the program's own modules */
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
