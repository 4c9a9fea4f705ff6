/**
 * TypeScript and JSX to JavaScript, one file by itself and at once: types are taken out, what is left stays on its line. By sucrase: what
 * Bun's bundler makes of one file is another program (locals are renamed, `import.meta.main` is replaced), and its transpiler gives no
 * source map. Knows nothing of modules.
 */
import type { Transform } from "sucrase";
import { alignColumn } from "./line-align.ts";

export interface Erased {
  readonly code: string;
  /** From a column (from 0) of a line of `code` (from 1) to the source's own. */
  original(line: number, column: number): { readonly line: number; readonly column: number };
}

/** A namespace that holds more than types. sucrase would leave it out without a word. */
const NAMESPACE =
  /^[ \t]*(?:export[ \t]+)?(?:namespace|module)[ \t]+[\p{ID_Start}$_][\p{ID_Continue}$.]*\s*\{/mu;
const JSX_SOURCE = /@jsxImportSource[ \t]+([^\s*]+)/;

/** @throws {SyntaxError} naming line and column as `(LINE:COLUMN)` */
export function eraseTypes(source: string, extension: string): Erased {
  const isTyped = /^\.[cm]?tsx?$/.test(extension);
  const hasJsx = /x$/.test(extension);
  const namespace = isTyped ? NAMESPACE.exec(source) : null;
  if (namespace !== null) {
    const line = source.slice(0, namespace.index).split("\n").length;
    throw new SyntaxError(`a TypeScript namespace cannot be sent; use a module (${line}:1)`);
  }
  const transforms: Transform[] = [];
  if (isTyped) transforms.push("typescript");
  if (hasJsx) transforms.push("jsx");
  const jsxImportSource = JSX_SOURCE.exec(source)?.[1] ?? "react";
  // Loaded when the first file with types is looked at: most commands never do.
  const { transform } = require("sucrase") as typeof import("sucrase");
  const { code } = transform(source, {
    transforms,
    filePath: "source",
    disableESTransforms: true,
    preserveDynamicImport: true,
    injectCreateRequireForImportRequire: false,
    jsxRuntime: "automatic",
    jsxImportSource,
    production: true,
  });
  let lines: readonly (readonly string[])[] | undefined;
  return {
    code,
    original(line, column) {
      lines ??= [code.split("\n"), source.split("\n")];
      const [left, whole] = lines.map((all) => all[line - 1] ?? "");
      return { line, column: alignColumn(left ?? "", whole ?? "", column) };
    },
  };
}
