/**
 * Guards: calls that are put into the loops and functions of typed code, so that ctrl-C can end a
 * loop that never returns to the event loop. A guard is always the same text. So a function that is
 * sent gets its own text back by taking all guards out.
 */
import { Edits } from "../syntax/edits.ts";
import { type AnyNode, children, isFunction, isNode, parse } from "../syntax/parse.ts";

/** The global function that a guard calls. */
export const GUARD = "__econtext_guard__";
const STATEMENT = `${GUARD}();`;
const OPERAND = `${GUARD}(),`;
/** The test of a `for` that has none. */
const TEST = `!${GUARD}()`;
const ALL = new RegExp(`!${GUARD}\\(\\)|${GUARD}\\(\\)[,;]`, "g");

/** @returns the script with guards; the same script if it cannot be parsed */
export function guarded(code: string): string {
  const edits = new Edits(code);
  try {
    visit(parse(code, "script") as unknown as AnyNode, edits, code);
  } catch {
    // Running the text reports the error.
    return code;
  }
  return edits.apply().text;
}

/** @returns the text of a function as it was before guards were put in */
export function unguarded(text: string): string {
  return text.includes(GUARD) ? text.replace(ALL, "") : text;
}

function visit(node: AnyNode, edits: Edits, code: string): void {
  if (isFunction(node)) inBlock(node["body"], edits);
  else if (/^For(?:Of|In)Statement$/.test(node.type)) inBlock(node["body"], edits);
  else if (/^(?:For|While|DoWhile)Statement$/.test(node.type)) inTest(node, edits, code);
  for (const child of children(node)) visit(child, edits, code);
}

/** Puts a guard behind the directives of a block. A body without braces stays as it is. */
function inBlock(body: unknown, edits: Edits): void {
  if (!isNode(body) || body.type !== "BlockStatement") return;
  const statements = body["body"] as AnyNode[];
  const directive = statements.findLast((one) => typeof one["directive"] === "string");
  edits.insert(directive?.end ?? body.start + 1, STATEMENT);
}

function inTest(node: AnyNode, edits: Edits, code: string): void {
  const { test, init } = node as AnyNode & { readonly test?: unknown; readonly init?: unknown };
  if (isNode(test)) edits.insert(test.start, OPERAND);
  else edits.insert(code.indexOf(";", isNode(init) ? init.end : node.start) + 1, TEST);
}
