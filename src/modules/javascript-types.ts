/**
 * TypeScript and JSX to JavaScript, one file by itself and at once: types are taken out, what is left stays on its line. By sucrase: what
 * Bun's bundler makes of one file is another program (locals are renamed, `import.meta.main` is replaced), and its transpiler gives no
 * source map. Knows nothing of modules.
 */
import type { TraceMap } from "@jridgewell/trace-mapping";
import type { SourceMapOptions, Transform } from "sucrase";

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
  const sourceMapOptions: SourceMapOptions = { compiledFilename: "" };
  // Loaded when the first file with types is looked at: most commands never do.
  const { transform } = require("sucrase") as typeof import("sucrase");
  const { code, sourceMap } = transform(source, {
    transforms,
    sourceMapOptions,
    filePath: "source",
    disableESTransforms: true,
    preserveDynamicImport: true,
    injectCreateRequireForImportRequire: false,
    jsxRuntime: "automatic",
    jsxImportSource,
    production: true,
  });
  let map: TraceMap | undefined;
  return {
    code,
    original(line, column) {
      const { TraceMap, originalPositionFor } =
        require("@jridgewell/trace-mapping") as typeof import("@jridgewell/trace-mapping");
      map ??= new TraceMap(sourceMap as ConstructorParameters<typeof TraceMap>[0]);
      const found = originalPositionFor(map, { line, column });
      return { line: found.line ?? line, column: found.column ?? column };
    },
  };
}
