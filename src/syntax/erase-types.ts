/**
 * TypeScript and JSX to JavaScript, one file at a time: types are removed and lines are kept. Uses
 * sucrase, because Bun's bundler changes more (it renames locals and replaces `import.meta.main`),
 * and Bun's transpiler gives no source map. Knows no modules.
 */
import type { Transform } from "sucrase";
import { alignColumn } from "./line-align.ts";

export interface Erased {
  readonly code: string;
  /** The position in the source for one in `code`. Lines count from 1, columns from 0. */
  original(line: number, column: number): { readonly line: number; readonly column: number };
}

/** A namespace that is not declared only. sucrase would drop it without an error. */
const NAMESPACE =
  /^[ \t]*(?:export[ \t]+)?(?:namespace|module)[ \t]+[\p{ID_Start}$_][\p{ID_Continue}$.]*\s*\{/mu;
const JSX_SOURCE = /@jsxImportSource[ \t]+([^\s*]+)/;

/** @throws {SyntaxError} with the position at the end of its message, as `(LINE:COLUMN)` */
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
  // Loaded with the first file that has types: most commands never need it.
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
