/**
 * Finds the free variables of each function in a JavaScript text, and where each is declared: at
 * the module's top level, in a function around it, or nowhere in the text (a global). Works on
 * acorn's tree. Knows no file and no running function.
 */
import {
  type AnyNode,
  boundNames,
  children,
  isFunction,
  isNode,
  type Program,
  parse,
} from "./parse.ts";

interface FreeVariable {
  /**
   * Also `this`, `arguments`, `super`, `new.target` and `#private`, if they belong to a function or
   * class around this function.
   */
  readonly name: string;
  readonly from: "module" | "local" | "global";
  /** The position of its first use. */
  readonly at: number;
}

export interface FoundFunction {
  readonly node: AnyNode;
  /** The start of the function's text. A method's text begins at its name. */
  readonly start: number;
  readonly end: number;
  /** `method`: of an object literal; `static` and `instance`: of a class. */
  readonly role: "function" | "method" | "static" | "instance";
  readonly free: ReadonlyMap<string, FreeVariable>;
}

interface Scope {
  readonly names: ReadonlySet<string>;
  /** The function whose outermost scope this is. */
  readonly found?: Found;
  /** Whether the scope has a `this` of its own. */
  readonly ownThis: boolean;
}

interface Found extends FoundFunction {
  readonly free: Map<string, FreeVariable>;
}

/** Parses a text as a module, or else as CommonJS. @throws {SyntaxError} */
export function parseAny(code: string): Program {
  try {
    return parse(code, "module");
  } catch {
    return parse(code, "script");
  }
}

/** The functions of a text in source order, outer ones before inner ones. */
export function findFunctions(program: Program): FoundFunction[] {
  const finder = new FunctionFinder();
  finder.visit(program as unknown as AnyNode);
  return finder.found;
}

/** The functions, classes and variables that the top level of a text declares, without imports. */
export function topLevelNames(program: AnyNode): string[] {
  const names: string[] = [];
  for (const statement of program["body"] as AnyNode[]) {
    const inner = /^Export/.test(statement.type) ? statement["declaration"] : statement;
    if (isNode(inner) && /Declaration$/.test(inner.type)) names.push(...declared(inner));
  }
  return [...new Set(names)];
}

class FunctionFinder {
  readonly found: Found[] = [];
  readonly #scopes: Scope[] = [];
  /** The role and start of the next function, set by its parent. */
  #role: { readonly role: FoundFunction["role"]; readonly start: number } | undefined;

  visit(node: AnyNode): void {
    if (isFunction(node)) {
      this.#function(node);
      return;
    }
    switch (node.type) {
      case "Program":
        this.#within(node, new Set([...lexical(node), ...hoisted(node)]), true);
        return;
      case "BlockStatement":
      case "SwitchStatement":
        this.#within(node, lexical(node));
        return;
      case "ForStatement":
      case "ForInStatement":
      case "ForOfStatement":
        this.#within(
          node,
          new Set(declared(node["init"] ?? node["left"], ["let", "const", "using", "await using"])),
        );
        return;
      case "CatchClause":
        this.#within(node, new Set(boundNames(node["param"])));
        return;
      case "ClassDeclaration":
      case "ClassExpression":
        this.#within(node, new Set(boundNames(node["id"])));
        return;
      case "StaticBlock":
        this.#within(node, new Set([...lexical(node), ...hoisted(node)]), true);
        return;
      case "PropertyDefinition":
        if (node["computed"]) this.visit(node["key"] as AnyNode);
        if (isNode(node["value"]))
          this.#scoped({ names: new Set(), ownThis: true }, [node["value"]]);
        return;
      default:
        this.#other(node);
    }
  }

  #other(node: AnyNode): void {
    switch (node.type) {
      case "Identifier":
        this.#refer(node["name"] as string, node.start);
        return;
      case "ThisExpression":
        this.#refer("this", node.start);
        return;
      case "Super":
        this.#refer("super", node.start);
        return;
      case "PrivateIdentifier":
        this.#refer(`#${node["name"] as string}`, node.start);
        return;
      case "MetaProperty": {
        const isTarget = (node["meta"] as { name?: string }).name === "new";
        if (isTarget) this.#refer("new.target", node.start);
        return;
      }
      case "MemberExpression":
        this.visit(node["object"] as AnyNode);
        this.#key(node["property"] as AnyNode, node["computed"] === true);
        return;
      case "Property":
      case "MethodDefinition":
        this.#member(node);
        return;
      case "LabeledStatement":
        this.visit(node["body"] as AnyNode);
        return;
      case "BreakStatement":
      case "ContinueStatement":
      case "ImportDeclaration":
      case "ExportSpecifier":
      case "ExportAllDeclaration":
        return;
      default:
        for (const child of children(node)) this.visit(child);
    }
  }

  #key(node: AnyNode, isComputed: boolean): void {
    if (isComputed || node.type === "PrivateIdentifier") this.visit(node);
  }

  #member(node: AnyNode): void {
    const isMethod = node.type === "MethodDefinition";
    if (node["computed"]) this.visit(node["key"] as AnyNode);
    const value = node["value"] as AnyNode;
    const isFunctionText = isMethod || node["method"] === true || node["kind"] !== "init";
    if (isFunctionText) {
      const role = !isMethod ? "method" : node["static"] === true ? "static" : "instance";
      // The text of a static method begins after the word `static`.
      const start = node["static"] === true ? (node["key"] as AnyNode).start : node.start;
      this.#role = { role, start };
    }
    this.visit(value);
  }

  #function(node: AnyNode): void {
    const isArrow = node.type === "ArrowFunctionExpression";
    const { role, start } = this.#role ?? { role: "function" as const, start: node.start };
    this.#role = undefined;
    const found: Found = { node, role, start, end: node.end, free: new Map() };
    this.found.push(found);
    const body = node["body"] as AnyNode;
    const params = node["params"] as AnyNode[];
    const names = new Set(params.flatMap(boundNames));
    for (const name of [...lexical(body), ...hoisted(body)]) names.add(name);
    if (node.type === "FunctionExpression")
      for (const name of boundNames(node["id"])) names.add(name);
    if (!isArrow) names.add("arguments").add("new.target");
    const inside = body.type === "BlockStatement" ? children(body) : [body];
    this.#scoped({ names, found, ownThis: !isArrow }, [...params, ...inside]);
  }

  #within(node: AnyNode, names: ReadonlySet<string>, ownThis = false): void {
    const below = children(node);
    if (!/^Class/.test(node.type)) {
      this.#scoped({ names, ownThis }, below);
      return;
    }
    const members = children(node["body"] as AnyNode);
    const hidden = members
      .map((member) => member["key"])
      .filter((key) => isNode(key) && key.type === "PrivateIdentifier")
      .map((key) => `#${(key as AnyNode)["name"] as string}`);
    this.#scoped({ names: new Set([...names, ...hidden]), ownThis }, below);
  }

  #scoped(scope: Scope, nodes: readonly AnyNode[]): void {
    this.#scopes.push(scope);
    for (const node of nodes) this.visit(node);
    this.#scopes.pop();
  }

  #refer(name: string, at: number): void {
    const crossed: Found[] = [];
    let from: FreeVariable["from"] = "global";
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const scope = this.#scopes[i];
      if (scope === undefined || this.#holds(scope, name)) {
        from = i === 0 ? "module" : "local";
        break;
      }
      if (scope.found !== undefined) crossed.push(scope.found);
      // `super` belongs to the object that the method was written in, and cannot be sent.
      if (name === "super" && scope.ownThis) {
        from = "local";
        break;
      }
    }
    for (const { free } of crossed) if (!free.has(name)) free.set(name, { name, from, at });
  }

  #holds(scope: Scope, name: string): boolean {
    return name === "this" ? scope.ownThis : scope.names.has(name);
  }
}

/** Names that a declaration binds; of variables, only those of the given kinds. */
function declared(node: unknown, kinds?: readonly string[]): string[] {
  if (!isNode(node)) return [];
  if (node.type === "VariableDeclaration") {
    if (kinds !== undefined && !kinds.includes(node["kind"] as string)) return [];
    return (node["declarations"] as AnyNode[]).flatMap((one) => boundNames(one["id"]));
  }
  const isNamed = node.type === "FunctionDeclaration" || node.type === "ClassDeclaration";
  return isNamed ? boundNames(node["id"]) : [];
}

/** The names bound directly in a block, and not in blocks inside it. */
function lexical(block: AnyNode): Set<string> {
  const cases = block.type === "SwitchStatement" ? (block["cases"] as AnyNode[]) : [block];
  const statements = cases.flatMap(children);
  return new Set(
    statements.flatMap((statement) => {
      if (statement.type === "ImportDeclaration") {
        return (statement["specifiers"] as AnyNode[]).flatMap((one) => boundNames(one["local"]));
      }
      const inner = /^Export/.test(statement.type) ? statement["declaration"] : statement;
      return declared(inner, ["let", "const", "using", "await using"]);
    }),
  );
}

/** The names that `var` binds at any depth, except in other functions. */
function hoisted(node: AnyNode): string[] {
  if (isFunction(node) || node.type === "StaticBlock") return children(node).flatMap(deep);
  return deep(node);
}

function deep(node: AnyNode): string[] {
  if (isFunction(node) || /^Class/.test(node.type)) return [];
  return [
    ...declared(node, ["var"]).filter(() => node.type === "VariableDeclaration"),
    ...children(node).flatMap(deep),
  ];
}
