/**
 * One input of a prompt, from TypeScript to a script of this process: what it declares becomes global, `await` works at its top level, its
 * last expression is its value. Runs nothing.
 */

import { eraseTypes } from "../syntax/erase-types.ts";
import { type AnyNode, children, isNode, parse } from "../syntax/parse.ts";
import { type FoundFunction, findFunctions, topLevelNames } from "../syntax/scope-analysis.ts";

export interface Compiled {
  /** Evaluates to nothing, to `{ value }`, or to a promise of one of the two. */
  readonly code: string;
  /** What it declares. */
  readonly names: readonly string[];
  readonly functions: readonly FoundFunction[];
  /** Whether it ends with an expression, and not with a declaration. */
  readonly hasValue: boolean;
}

/** The input is no TypeScript; `isIncomplete`: not yet. */
export class InputError extends Error {
  override name = "SyntaxError";
  readonly isIncomplete: boolean;

  constructor(message: string, isIncomplete: boolean) {
    super(message);
    this.isIncomplete = isIncomplete;
  }
}

/** Stands for `import` and is as long: here, and in functions that go elsewhere (stage1/javascript/tier2/importer.js). */
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

/** A script has no `import` that knows where it is: the prompt's own does. */
function withImports(code: string): string {
  if (!/\bimport\s*\(/.test(code)) return code;
  const root = tree(code);
  if (root === undefined) return code;
  let edited = code;
  const visit = (node: AnyNode): void => {
    if (node.type === "ImportExpression") {
      edited = edited.slice(0, node.start) + IMPORT + edited.slice(node.start + IMPORT.length);
    }
    for (const child of children(node)) visit(child);
  };
  visit(root);
  return edited;
}

/** The statements as if they stood at the top level: the transpiler puts them into a function, behind what they declare. */
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
    // What runs it says what is wrong.
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
