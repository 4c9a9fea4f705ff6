/**
 * Compiles one input of a prompt from TypeScript to a script of this process. Declared names become
 * global, `await` works at the top level, and the last expression is the value. Runs nothing.
 */

import { Edits } from "../syntax/edits.ts";
import { eraseTypes } from "../syntax/erase-types.ts";
import { type AnyNode, children, isNode, parse } from "../syntax/parse.ts";
import { type FoundFunction, findFunctions, topLevelNames } from "../syntax/scope-analysis.ts";

export interface Compiled {
  /** The script. It evaluates to undefined, to `{ value }`, or to a promise of one of the two. */
  readonly code: string;
  /** The names that the input declares. */
  readonly names: readonly string[];
  readonly functions: readonly FoundFunction[];
  /** Whether the input ends with an expression, and not with a declaration. */
  readonly hasValue: boolean;
}

/** The input is not valid TypeScript. `isIncomplete` is true if more text may complete it. */
export class InputError extends Error {
  override name = "SyntaxError";
  readonly isIncomplete: boolean;

  constructor(message: string, isIncomplete: boolean) {
    super(message);
    this.isIncomplete = isIncomplete;
  }
}

/**
 * Replaces `import` and has the same length: here, and in functions that are sent
 * (stage1/javascript/tier2/importer.js).
 */
export const IMPORT = "__impt";

const UNFINISHED = /end of file|to terminate multi-line comment/;

/** @throws {InputError} */
export function compile(source: string): Compiled {
  const code = withImports(transpile(source));
  const body = flatBody(code);
  if (body === undefined) return { code, names: [], functions: [], hasValue: true };
  const program = { type: "Program", start: 0, end: code.length, body } as unknown as AnyNode;
  return {
    code,
    names: topLevelNames(program),
    functions: findFunctions(program as never),
    hasValue: endsWithExpression(source),
  };
}

function transpile(source: string): string {
  try {
    return new Bun.Transpiler({ loader: "ts", replMode: true }).transformSync(source);
  } catch (error) {
    throw inputError(source, error);
  }
}

interface BuildMessage {
  readonly message?: string;
  readonly errors?: readonly BuildMessage[];
  readonly position?: { readonly offset: number; readonly line: number; readonly column: number };
}

function inputError(source: string, thrown: unknown): InputError {
  const { errors, ...only } = thrown as BuildMessage;
  const first = errors?.[0] ?? { ...only, message: (thrown as BuildMessage).message ?? "" };
  const { message = "", position = (thrown as BuildMessage).position } = first;
  const isTemplate = /^Unterminated/.test(message) && source[position?.offset ?? -1] === "`";
  const place = position === undefined ? "" : `${position.line}:${position.column}: `;
  return new InputError(place + message, isTemplate || UNFINISHED.test(message));
}

/**
 * Replaces `import(…)`, because a script has no `import` of its own folder. The prompt has one. It
 * is told which exports an `import` statement names, because one that is missing is an error.
 */
function withImports(code: string): string {
  if (!/\bimport\s*\(/.test(code)) return code;
  const root = tree(code);
  if (root === undefined) return code;
  const edits = new Edits(code);
  const namespaces = new Map<string, number>();
  const named = new Map<string, Set<string>>();
  const visit = (node: AnyNode): void => {
    if (node.type === "ImportExpression") {
      edits.replace(node.start, node.start + IMPORT.length, IMPORT);
    }
    const end = statementImport(node);
    if (end !== undefined) namespaces.set(nameOf(node["left"]) ?? "", end);
    const namespace = node.type === "MemberExpression" ? nameOf(node["object"]) : undefined;
    const member = nameOf(node["property"]);
    if (namespace !== undefined && member !== undefined) {
      named.set(namespace, (named.get(namespace) ?? new Set()).add(member));
    }
    for (const child of children(node)) visit(child);
  };
  visit(root);
  for (const [namespace, end] of namespaces) {
    const names = named.get(namespace);
    if (names !== undefined) edits.insert(end - 1, `,${JSON.stringify([...names])}`);
  }
  return edits.apply().text;
}

/**
 * Where the `import(…)` ends that the transpiler has made of a statement with names: it assigns the
 * module to a name of its own, `import_…`, and each export from that.
 */
function statementImport(node: AnyNode): number | undefined {
  if (node.type !== "AssignmentExpression" || !nameOf(node["left"])?.startsWith("import_")) {
    return undefined;
  }
  const { argument } = node["right"] as { readonly argument?: unknown };
  return isNode(argument) && argument.type === "ImportExpression" ? argument.end : undefined;
}

function nameOf(node: unknown): string | undefined {
  return isNode(node) && node.type === "Identifier" ? (node["name"] as string) : undefined;
}

/**
 * The statements at the top level. The transpiler puts them into a function, behind their
 * declarations.
 */
function flatBody(code: string): AnyNode[] | undefined {
  const body = tree(code)?.["body"] as AnyNode[] | undefined;
  return body?.flatMap((statement) => {
    const call = statement["expression"];
    const wrapper = isNode(call) && call.type === "CallExpression" ? call["callee"] : undefined;
    if (!isNode(wrapper) || wrapper.type !== "ArrowFunctionExpression") return [statement];
    return (wrapper["body"] as AnyNode)["body"] as AnyNode[];
  });
}

function tree(code: string): AnyNode | undefined {
  try {
    return parse(code, "script") as unknown as AnyNode;
  } catch {
    // Running the text reports the error.
    return undefined;
  }
}

function endsWithExpression(source: string): boolean {
  try {
    const { code } = eraseTypes(source, ".ts");
    const body = parse(code, "module").body.filter(({ type }) => type !== "EmptyStatement");
    return body.at(-1)?.type === "ExpressionStatement" || /^\s*\{/.test(source);
  } catch {
    return true;
  }
}
