/**
 * Guards: calls that are put into loops and functions, so that ctrl-C can end a loop that never
 * returns to the event loop. A guard is always the same text. So a function that is sent gets its
 * own text back by taking all guards out.
 */
import { Edits } from "../syntax/edits.ts";
import { type AnyNode, children, isFunction, isNode, parse } from "../syntax/parse.ts";

/** The global function that a guard calls. It returns undefined, or throws. */
export const GUARD = "__econtext_guard__";
const CALL = `${GUARD}()`;
const ALL = new RegExp(`!${GUARD}\\(\\)|${GUARD}\\(\\)\\s*(?:[,;]|\\|\\||\\?\\?)`, "g");

/** One guard, and the character of the code that it stands next to. */
export interface Guard {
  readonly at: number;
  readonly isAfter: boolean;
  readonly text: string;
}

/** @returns the script with guards; the same script if it cannot be parsed */
export function guarded(code: string): string {
  const edits = new Edits(code);
  try {
    const root = parse(code, "script") as unknown as AnyNode;
    for (const { at, isAfter, text } of guardsOf(root, code)) edits.insert(at + +isAfter, text);
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

/** @returns the guards for a program, in no order */
export function guardsOf(root: AnyNode, code: string): Guard[] {
  const guards: Guard[] = [];
  const visit = (node: AnyNode): void => {
    guards.push(...guardsFor(node, code));
    for (const child of children(node)) visit(child);
  };
  visit(root);
  return guards;
}

/** The number of guards that a program has as calls, and not inside of a string or a comment. */
export function countGuards(node: AnyNode): number {
  const callee = node.type === "CallExpression" ? node["callee"] : undefined;
  const own = isNode(callee) && callee["name"] === GUARD ? 1 : 0;
  return children(node).reduce((sum, child) => sum + countGuards(child), own);
}

function guardsFor(node: AnyNode, code: string): Guard[] {
  const body = node["body"];
  if (isFunction(node) || /^For(?:Of|In)Statement$/.test(node.type)) {
    if (!isNode(body)) return [];
    if (body.type === "BlockStatement") return inBlock(body);
    return isFunction(node) ? inExpression(body, code) : [];
  }
  return /^(?:For|While|DoWhile)Statement$/.test(node.type) ? [inTest(node, code)] : [];
}

/** A guard at the start of a block, behind its directives. */
function inBlock(body: AnyNode): Guard[] {
  const statements = body["body"] as AnyNode[];
  const isDirective = (one: AnyNode): boolean => typeof one["directive"] === "string";
  const text = `${CALL};`;
  if (!statements.some(isDirective)) return [{ at: body.start, isAfter: true, text }];
  const first = statements.find((one) => !isDirective(one));
  return first === undefined ? [] : [{ at: first.start, isAfter: false, text }];
}

/**
 * A guard in front of the expression that an arrow function returns. Only an expression with a call
 * can be part of an endless recursion.
 */
function inExpression(body: AnyNode, code: string): Guard[] {
  if (body.type === "AssignmentExpression") return inExpression(body["right"] as AnyNode, code);
  if (isFunction(body) || !hasCall(body)) return [];
  return [{ at: body.start, isAfter: false, text: CALL + operatorBefore(body) }];
}

function hasCall(node: AnyNode): boolean {
  if (isFunction(node)) return false;
  return /Call|New|Tagged|Await/.test(node.type) || children(node).some(hasCall);
}

/** An operator after which the expression keeps its value: `??` and `||` cannot be mixed. */
function operatorBefore({ type, operator, test }: AnyNode): "??" | "||" {
  if (type === "ConditionalExpression") return operatorBefore(test as AnyNode);
  return type === "LogicalExpression" && operator === "??" ? "??" : "||";
}

function inTest(node: AnyNode, code: string): Guard {
  const { test, init } = node as AnyNode & { readonly test?: unknown; readonly init?: unknown };
  if (isNode(test)) return { at: test.start, isAfter: false, text: `${CALL},` };
  const at = code.indexOf(";", isNode(init) ? init.end : node.start);
  return { at, isAfter: true, text: `!${CALL}` };
}
