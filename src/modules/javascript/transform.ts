/**
 * The text of one module as it is sent, its requests, and a map of its positions to those of the
 * user's file. Decides the format of a module if its name does not. Knows no file system.
 *
 * Spec: docs/protocol.md, "Module records".
 */
import { extname } from "node:path";
import { Edits } from "../../syntax/edits.ts";
import { eraseTypes } from "../../syntax/erase-types.ts";
import { type Program, parse } from "../../syntax/parse.ts";
import { wrapCommonJs } from "./cjs.ts";
import { EsModule } from "./esm.ts";
import type { Request } from "./requests.ts";

export type Format = "esm" | "cjs" | "json" | "text" | "error";

export interface Transformed {
  readonly format: Format;
  readonly source: string;
  readonly requests: readonly Request[];
  /** Maps a line and a column of `source` to those of the user's file; all count from 1. */
  original(line: number, column: number): Position;
  /** Maps a position in the text without types. */
  written(line: number, column: number): Position;
  /** The position of a request. */
  place(request: Request): Position;
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface TransformOptions {
  /** The type in its package.json. */
  readonly type?: "module" | "commonjs" | undefined;
  /** Whether its functions may be looked up by name, and others made in its scope. */
  readonly scope: boolean;
}

/** A quick test that spares most modules a second parse. */
const LIKELY_MODULE = /^[ \t]*(?:import\b(?![ \t]*\()|export\b)/m;
const MODULE_STATEMENT = /^(?:Import|Export)\w+Declaration$/;
const TYPED = /^\.(?:[cm]?ts|[jt]sx)$/;

/**
 * Transforms a module.
 *
 * @param name decides the format by its extension, and names the module in messages
 * @throws {SyntaxError} its message names file, line and column
 */
export function transform(name: string, text: string, options: TransformOptions): Transformed {
  const extension = extname(name);
  // A comment of the same length keeps the columns.
  const source = text.replace(/^\ufeff/, "").replace(/^#!/, "//");
  const erased = TYPED.test(extension) || extension === "" ? erase(name, source) : undefined;
  const code = erased?.code ?? source;
  const { program, format } = parseAs(name, code, extension, options.type);
  const edits = new Edits(code);
  const requests =
    format === "esm"
      ? new EsModule(code, program, edits).wrap(options.scope)
      : wrapCommonJs(code, program, edits, options.scope);
  const { text: wrapped, originalColumn } = edits.apply();
  const written = (line: number, column: number): Position => {
    const found = erased?.original(line, column - 1);
    return found === undefined ? { line, column } : { line: found.line, column: found.column + 1 };
  };
  return {
    format,
    source: wrapped,
    requests,
    original: (line, column) => written(line, originalColumn(line, column - 1) + 1),
    written,
    place({ at }) {
      const before = code.slice(0, at);
      return written(before.split("\n").length, at - before.lastIndexOf("\n"));
    },
  };
}

function erase(name: string, source: string) {
  try {
    return eraseTypes(source, extname(name) || ".ts");
  } catch (error) {
    throw located(name, error);
  }
}

/**
 * The format as Node finds it: by name, by package, or by syntax. By syntax also if a package says
 * CommonJS and the module is not.
 */
function parseAs(
  name: string,
  code: string,
  extension: string,
  type: "module" | "commonjs" | undefined,
): { program: Program; format: "esm" | "cjs" } {
  if (/^\.c[jt]s$/.test(extension)) return { program: parsed(name, code, "script"), format: "cjs" };
  if (/^\.m[jt]s$/.test(extension) || type === "module") {
    return { program: parsed(name, code, "module"), format: "esm" };
  }
  if (LIKELY_MODULE.test(code)) {
    const program = tryParse(code, "module");
    if (program?.body.some(({ type }) => MODULE_STATEMENT.test(type))) {
      return { program, format: "esm" };
    }
  }
  const script = tryParse(code, "script");
  if (script !== undefined) return { program: script, format: "cjs" };
  // `import` and `export` are no syntax of a script, nor is `await` at its top level.
  return { program: parsed(name, code, "module"), format: "esm" };
}

function tryParse(code: string, sourceType: "module" | "script"): Program | undefined {
  try {
    return parse(code, sourceType);
  } catch {
    return undefined;
  }
}

function parsed(name: string, code: string, sourceType: "module" | "script"): Program {
  try {
    return parse(code, sourceType);
  } catch (error) {
    throw located(name, error);
  }
}

/**
 * Parsers put the position at the end of their message, as `(LINE:COLUMN)`; acorn counts columns
 * from 0.
 */
function located(name: string, error: unknown): SyntaxError {
  const message = error instanceof Error ? error.message : String(error);
  const [place = "", line, column] = /\s*\((\d+):(\d+)\)$/.exec(message) ?? [];
  const isAcorn = error instanceof Error && "raisedAt" in error;
  const at = line === undefined ? "" : `:${line}:${Number(column) + Number(isAcorn)}`;
  const what = message
    .slice(0, message.length - place.length)
    .replace(/^Error transforming source: /, "")
    .replace("Unexpected character '@'", "a decorator cannot be sent");
  return new SyntaxError(`${name}${at}: ${what}`);
}
