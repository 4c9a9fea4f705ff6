/**
 * Parses one JavaScript text with acorn, and walks its syntax tree. Knows nothing about what its
 * callers look for in the tree.
 */
import type { Node, Program } from "acorn";

export type { Node, Program };

/** A node of any type. */
export type AnyNode = Node & { readonly [key: string]: unknown };

/** Loaded with the first text that is parsed: most commands never need it. */
let parser: typeof import("acorn") | undefined;

/** @throws {SyntaxError} with `loc` and `pos` */
export function parse(source: string, sourceType: "module" | "script"): Program {
  parser ??= require("acorn") as typeof import("acorn");
  return parser.parse(source, {
    ecmaVersion: "latest",
    sourceType,
    allowReturnOutsideFunction: sourceType === "script",
    allowHashBang: true,
    // The interpreter that runs the code reports these.
    allowSuperOutsideMethod: true,
    checkPrivateFields: false,
  });
}

export function isNode(value: unknown): value is AnyNode {
  return typeof value === "object" && value !== null && "type" in value;
}

/** The nodes directly below, in source order. */
export function children(node: AnyNode): AnyNode[] {
  const below: AnyNode[] = [];
  for (const key in node) {
    const value = node[key];
    if (Array.isArray(value)) {
      for (const one of value) if (isNode(one)) below.push(one);
    } else if (isNode(value)) below.push(value);
  }
  return below;
}

export function isFunction(node: AnyNode): boolean {
  return /^(?:FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type);
}

/** The names that a pattern or an identifier binds. */
export function boundNames(pattern: unknown): string[] {
  if (!isNode(pattern)) return [];
  switch (pattern.type) {
    case "Identifier":
      return [pattern["name"] as string];
    case "ObjectPattern":
      return (pattern["properties"] as AnyNode[]).flatMap((property) =>
        boundNames(property.type === "RestElement" ? property : property["value"]),
      );
    case "ArrayPattern":
      return (pattern["elements"] as unknown[]).flatMap(boundNames);
    case "RestElement":
      return boundNames(pattern["argument"]);
    case "AssignmentPattern":
      return boundNames(pattern["left"]);
    default:
      return [];
  }
}

/** The text of a string literal, or of a template without expressions; else undefined. */
export function literalText(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === "Literal" && typeof node["value"] === "string") return node["value"];
  if (node.type !== "TemplateLiteral" || (node["expressions"] as unknown[]).length > 0) return;
  const [quasi] = node["quasis"] as { value: { cooked?: string | null } }[];
  return quasi?.value.cooked ?? undefined;
}
