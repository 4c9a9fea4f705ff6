/**
 * Finds assignments to a module's top-level bindings, anywhere in the module. They matter because
 * exports are live bindings. A local variable of the same name is another binding. This file knows
 * no exports.
 */
import { type AnyNode, boundNames, children, isFunction, isNode, type Program } from "./parse.ts";

interface FoundAssignment {
  /** The assigning expression, or the body of a `for` loop whose head assigns. */
  readonly node: AnyNode;
  readonly names: readonly string[];
}

type Scope = ReadonlySet<string>;

/** @param wanted the top-level names to look for */
export function findAssignments(program: Program, wanted: ReadonlySet<string>): FoundAssignment[] {
  const found: FoundAssignment[] = [];
  if (wanted.size === 0) return found;
  const visit = (node: AnyNode, hidden: Scope): void => {
    const inside = narrow(node, hidden, wanted);
    // Inner assignments come first, because `a = b = 1` ends both at the same position.
    for (const child of children(node)) visit(child, inside);
    const target = assignedTo(node);
    if (target !== undefined) {
      const names = boundNames(target).filter((name) => wanted.has(name) && !inside.has(name));
      const body = node["body"];
      if (names.length > 0) found.push({ node: isNode(body) ? body : node, names });
    }
  };
  for (const statement of program.body) visit(statement as unknown as AnyNode, new Set());
  return found;
}

function assignedTo(node: AnyNode): unknown {
  if (node.type === "AssignmentExpression") return node["left"];
  if (node.type === "UpdateExpression") return node["argument"];
  if (node.type !== "ForInStatement" && node.type !== "ForOfStatement") return undefined;
  const left = node["left"] as AnyNode;
  if (left.type !== "VariableDeclaration") return left;
  // At the top level, `for (var x of …)` assigns the module's own x. In a function, x is hidden.
  if (left["kind"] !== "var") return undefined;
  return (left["declarations"] as AnyNode[])[0]?.["id"];
}

/** The names hidden within `node`: those hidden around it, and those that it declares. */
function narrow(node: AnyNode, hidden: Scope, wanted: Scope): Scope {
  const declared = declaredBy(node).filter((name) => wanted.has(name) && !hidden.has(name));
  return declared.length === 0 ? hidden : new Set([...hidden, ...declared]);
}

function declaredBy(node: AnyNode): string[] {
  if (isFunction(node)) {
    const own = node.type === "FunctionExpression" ? boundNames(node["id"]) : [];
    const params = (node["params"] as unknown[]).flatMap(boundNames);
    return [...own, ...params, ...varNames(node["body"] as AnyNode)];
  }
  switch (node.type) {
    case "ClassExpression":
      return boundNames(node["id"]);
    case "BlockStatement":
      return lexicalNames(node["body"] as AnyNode[]);
    case "StaticBlock":
      return [
        ...lexicalNames(node["body"] as AnyNode[]),
        ...(node["body"] as AnyNode[]).flatMap(varNames),
      ];
    case "SwitchStatement":
      return lexicalNames(
        (node["cases"] as AnyNode[]).flatMap((one) => one["consequent"] as AnyNode[]),
      );
    case "CatchClause":
      return boundNames(node["param"]);
    case "ForStatement":
      return lexicalNames([node["init"]].filter(isNode));
    case "ForInStatement":
    case "ForOfStatement":
      return lexicalNames([node["left"]].filter(isNode));
    default:
      return [];
  }
}

/** The names that `let`, `const`, `class` and `function` declare directly in a block. */
function lexicalNames(statements: readonly AnyNode[]): string[] {
  return statements.flatMap((statement) => {
    if (statement.type === "VariableDeclaration" && statement["kind"] !== "var") {
      return declaratorNames(statement);
    }
    const isNamed = /^(?:FunctionDeclaration|ClassDeclaration)$/.test(statement.type);
    return isNamed ? boundNames(statement["id"]) : [];
  });
}

/** The names that `var` declares anywhere in a function, except in functions inside it. */
export function varNames(node: AnyNode): string[] {
  const own =
    node.type === "VariableDeclaration" && node["kind"] === "var" ? declaratorNames(node) : [];
  const below = children(node).filter((child) => !isFunction(child) && child.type !== "ClassBody");
  return [...own, ...below.flatMap(varNames)];
}

export function declaratorNames(declaration: AnyNode): string[] {
  return (declaration["declarations"] as AnyNode[]).flatMap((one) => boundNames(one["id"]));
}
