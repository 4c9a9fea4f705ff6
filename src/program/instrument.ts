/**
 * Adds one statement to a module of the program, in front of its first one. The statement registers
 * the module's top-level members, which are read when a function is passed to a call. No line of
 * the user's text moves. Knows nothing about the use of the members.
 */
import { pathToFileURL } from "node:url";
import type { ModuleText } from "../functions/analysed-module.ts";
import { eraseTypes } from "../syntax/erase-types.ts";
import { type AnyNode, children, isNode } from "../syntax/parse.ts";
import { parseAny, topLevelNames } from "../syntax/scope-analysis.ts";

interface ScopeOptions {
  /** The global function that is called with the module's name and its members. */
  readonly register: string;
  /** Whether `import.meta.main` is true in the module. */
  readonly isMain: boolean;
}

interface Syntax {
  readonly root: AnyNode;
  /** The line in the user's own text, from 0. */
  line(node: AnyNode): number;
}

/** White space and comments in front of the first token. */
const BEFORE = /^(?:\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/;
const DIRECTIVE = /^(?:"use [^"\n]*"|'use [^'\n]*')\s*;?/;
const IMPORT_LINE =
  /^import\b(?:[^\n;"']*\bfrom)?\s*["'][^\n"']*["'](?:\s*with\s*\{[^\n}]*\})?;[ \t]*(?=\n|$)/;
const DEFAULT = "__econtext_default__";
const UNNAMED_DECLARATION =
  /(\bexport\s+default\s+(?:async\s+)?(?:function\b\s*\*?|(?:abstract\s+)?class\b))/;

export function withScope(module: ModuleText, { register, isMain }: ScopeOptions): string {
  const source = module.source.replace(/^\ufeff/, "").replace(/^#!/, "//");
  const syntax = read(source, module.extension);
  // The module's syntax is wrong: loading it reports the error and its position.
  if (syntax === undefined) return source;
  const lines = source.split("\n");
  const members = topLevelNames(syntax.root).map((name) => `${JSON.stringify(name)}:()=>${name}`);
  const kind = nameDefault(syntax, lines);
  if (kind !== undefined) members.push(`"default":()=>${DEFAULT}`);
  if (isMain) setMain(syntax, lines, pathToFileURL(module.name).href);
  const declaration = kind === "expression" ? `var ${DEFAULT};` : "";
  const name = JSON.stringify(module.name);
  const all = `{__proto__:null,${members.join()}}`;
  const whole = lines.join("\n");
  const at = afterImport(whole, firstStatement(whole));
  return `${whole.slice(0, at)}${declaration}globalThis.${register}(${name},${all});${whole.slice(at)}`;
}

function read(source: string, extension: string): Syntax | undefined {
  try {
    const { code, original } = eraseTypes(source, extension);
    return syntaxOf(code, (line) => original(line, 0).line);
  } catch {
    // The text has a namespace, or syntax that only Bun reads. Bun's transpiler changes lines.
  }
  try {
    const loader = extension === ".tsx" ? "tsx" : /ts/.test(extension) ? "ts" : "jsx";
    return syntaxOf(new Bun.Transpiler({ loader }).transformSync(source), () => 0);
  } catch {
    return undefined;
  }
}

function syntaxOf(code: string, original: (line: number) => number): Syntax {
  const root = parseAny(code);
  return {
    root: root as unknown as AnyNode,
    line: (node) => original(code.slice(0, node.start).split("\n").length) - 1,
  };
}

/**
 * Gives a default export without a name one.
 *
 * @returns how it was written; undefined if there is none
 */
function nameDefault(syntax: Syntax, lines: string[]): "declaration" | "expression" | undefined {
  const body = syntax.root["body"] as AnyNode[];
  const node = body.find(({ type }) => type === "ExportDefaultDeclaration");
  const value = node?.["declaration"] as AnyNode | undefined;
  if (node === undefined || value === undefined) return undefined;
  const isDeclaration = /Declaration$/.test(value.type);
  if (isDeclaration && isNode(value["id"])) return undefined;
  if (!isDeclaration && !/^(?:Arrow)?Function|^Class/.test(value.type)) return undefined;
  const at = syntax.line(node);
  const line = lines[at] ?? "";
  const named = isDeclaration
    ? line.replace(UNNAMED_DECLARATION, `$1 ${DEFAULT} `)
    : line.replace(/\bexport\s+default\b/, `$& ${DEFAULT} =`);
  if (named === line) return undefined;
  lines[at] = named;
  return isDeclaration ? "declaration" : "expression";
}

/** Replaces `import.meta.main` by a text of the same length. */
const TRUE = "true            ";

/**
 * The runtime takes econtext's own entry for the main module, and changes the name of a file
 * without extension.
 */
function setMain(syntax: Syntax, lines: string[], url: string): void {
  const visit = (node: AnyNode): void => {
    const { object, property } = node as { object?: AnyNode; property?: { name?: string } };
    if (object?.type === "MetaProperty") {
      const at = syntax.line(node);
      const line = lines[at] ?? "";
      if (property?.name === "main") lines[at] = line.replace(/\bimport\.meta\.main\b/g, TRUE);
      if (property?.name === "url") {
        lines[at] = line.replace(/\bimport\.meta\.url\b/g, () => JSON.stringify(url));
      }
    }
    for (const child of children(node)) visit(child);
  };
  visit(syntax.root);
}

/**
 * The position after an import in a line of its own. Imports run first in any case, and there
 * nothing of the user's moves to another column.
 */
function afterImport(source: string, at: number): number {
  return at + (IMPORT_LINE.exec(source.slice(at))?.[0].length ?? 0);
}

function firstStatement(source: string): number {
  let at = BEFORE.exec(source)?.[0].length ?? 0;
  for (;;) {
    const directive = DIRECTIVE.exec(source.slice(at))?.[0].length ?? 0;
    if (directive === 0) return at;
    at += directive;
    at += BEFORE.exec(source.slice(at))?.[0].length ?? 0;
  }
}
