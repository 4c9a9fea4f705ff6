/**
 * The text of one function as an expression that another process can evaluate: methods become
 * function expressions, and newer syntax is lowered. Knows no module.
 */
import { UsageError } from "../errors.ts";
import { Edits } from "../syntax/edits.ts";
import { lower, USING } from "../syntax/lower.ts";
import { type AnyNode, children, parse } from "../syntax/parse.ts";
import { names } from "../syntax/reserved-names.ts";
import { type FoundFunction, findFunctions } from "../syntax/scope-analysis.ts";

/** The text of one function, as `Function.prototype.toString` gives it. */
export interface FunctionText {
  readonly text: string;
  readonly found: FoundFunction;
  /** The position of the text in what was parsed. */
  readonly offset: number;
}

/** An expression whose value is the function with this text. @throws {UsageError} */
export function standAlone(text: string): string {
  return toExpression(readFunction(text)).source;
}

/** Parses the text of a function. @throws {UsageError} if it is not that of one function */
export function readFunction(text: string): FunctionText {
  for (const [before, after] of [
    ["(", ")"],
    ["({", "})"],
  ] as const) {
    try {
      const [found] = findFunctions(parse(before + text + after, "module"));
      if (found !== undefined) return { text, found, offset: before.length };
    } catch {
      // The text is not an expression: try it as a method.
    }
  }
  throw refused(`cannot be read: ${JSON.stringify(text.slice(0, 60))}`);
}

/**
 * The expression that is sent for a function.
 *
 * @param importName the identifier that stands for `import` in the function's module
 * @returns the text, and `head`, the number of characters before the function's own text
 */
export function toExpression(
  fn: FunctionText,
  importName = "import",
): { readonly source: string; readonly head: number } {
  const edits = new Edits(fn.text);
  for (const at of importPositions(fn)) edits.replace(at, at + "import".length, importName);
  const own = names(fn.text);
  const { needsUsing } = lower(fn.found.node, edits, own, { offset: fn.offset });
  const source = withoutObject(fn, edits.apply().text);
  const head = keywords(fn).length;
  if (!needsUsing) return { source, head };
  const before = `((${own.using})=>(`;
  return { source: `${before}${source}))(${USING})`, head: head + before.length };
}

/** Turns the text of a method into a function expression. */
function withoutObject(fn: FunctionText, text: string): string {
  const { found, offset } = fn;
  if (found.role === "function") return text;
  const { node } = found;
  if (/^(?:get|set)\s/.test(text) && node["async"] !== true) {
    const params = text.indexOf("(");
    if (params > 4 && node.start - offset >= 4) throw refused("is a getter or a setter");
  }
  if (/\bthis\b/.test(text)) {
    throw refused("is a method that uses this; pass a function that has no object");
  }
  // In the syntax tree, the value of a method begins at its parameters.
  return keywords(fn) + text.slice(node.start - offset);
}

/** What a method's text needs in front of its parameters to be a function expression. */
function keywords({ found: { role, node } }: FunctionText): string {
  if (role === "function") return "";
  return `${node["async"] ? "async " : ""}function${node["generator"] ? "*" : ""} `;
}

/** The positions of `import(…)` and `import.meta` in the text, the last one first. */
export function importPositions({ found, offset }: FunctionText): number[] {
  const positions: number[] = [];
  const visit = (node: AnyNode): void => {
    const isMeta =
      node.type === "MetaProperty" && (node["meta"] as { name?: string }).name === "import";
    if (isMeta || node.type === "ImportExpression") positions.push(node.start - offset);
    for (const child of children(node)) visit(child);
  };
  visit(found.node);
  return positions.sort((a, b) => b - a);
}

/** The error for a function that cannot be sent. @param problem continues "the function …" */
export function refused(problem: string): UsageError {
  return new UsageError(
    "ERR_USAGE_FUNCTION",
    `a function that cannot be called elsewhere: ${problem}`,
  );
}
