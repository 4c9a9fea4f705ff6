/**
 * Finds what the code of a module asks for: `import(…)`, `import.meta`, `require("…")`, and whether
 * it awaits at its top level. Replaces each `import` by the loader's identifier. Knows nothing
 * about where modules are.
 */
import type { Edits } from "../../syntax/edits.ts";
import {
  type AnyNode,
  children,
  isFunction,
  literalText,
  type Program,
} from "../../syntax/parse.ts";

export interface Request {
  readonly specifier: string;
  readonly kind: "import" | "require";
  /** Whether the target is needed before the module runs. */
  readonly eager: boolean;
  /** The position in the text without types. */
  readonly at: number;
  /** The type in `with { type: … }`. */
  readonly type?: string | undefined;
}

export class Requests {
  readonly #found = new Map<string, Request>();

  get found(): Request[] {
    return [...this.#found.values()];
  }

  add(request: Request): void {
    const key = `${request.kind} ${request.specifier}`;
    const known = this.#found.get(key);
    if (known === undefined || (request.eager && !known.eager)) this.#found.set(key, request);
  }

  #add({ start }: AnyNode, specifier: string, kind: Request["kind"], eager: boolean): void {
    this.add({ specifier, kind, eager, at: start });
  }

  /** @param own the loader's identifier */
  find(program: Program, edits: Edits, own: string): { readonly awaits: boolean } {
    let awaits = false;
    /** @param runs whether the node runs when the module does */
    const visit = (node: AnyNode, isTop: boolean, runs: boolean): void => {
      if (node.type === "ImportExpression") {
        edits.replace(node.start, node.start + "import".length, own);
        const specifier = literalText(node["source"]);
        if (specifier !== undefined) this.#add(node, specifier, "import", false);
      } else if (node.type === "MetaProperty" && isImportMeta(node)) {
        edits.replace(node.start, node.start + "import".length, own);
      } else if (node.type === "CallExpression") {
        const specifier = requiredText(node);
        // A function may never run, so its requests can be fetched when it does.
        if (specifier !== undefined) this.#add(node, specifier, "require", runs);
      } else if (isTop && isAwait(node)) awaits = true;
      const isInTop = isTop && !isFunction(node);
      const called = calledAtOnce(node);
      for (const child of children(node)) {
        visit(child, isInTop, runs && (child === called || !isFunction(child)));
      }
    };
    for (const statement of program.body) {
      const node = statement as unknown as AnyNode;
      visit(node, true, !isFunction(node));
    }
    return { awaits };
  }
}

/** A function that is called at once: `(function () { … })()`, `(() => { … }).call(this)` */
function calledAtOnce(node: AnyNode): AnyNode | undefined {
  if (node.type === "CallExpression") return node["callee"] as AnyNode;
  if (node.type !== "MemberExpression") return undefined;
  const { name } = node["property"] as { name?: string };
  return name === "call" || name === "apply" ? (node["object"] as AnyNode) : undefined;
}

function isImportMeta(node: AnyNode): boolean {
  return (node["meta"] as AnyNode)["name"] === "import";
}

function requiredText(node: AnyNode): string | undefined {
  const callee = node["callee"] as AnyNode;
  const [specifier, ...rest] = node["arguments"] as unknown[];
  if (callee.type !== "Identifier" || callee["name"] !== "require" || rest.length > 0) return;
  return literalText(specifier);
}

function isAwait(node: AnyNode): boolean {
  return (
    node.type === "AwaitExpression" ||
    (node.type === "ForOfStatement" && node["await"] === true) ||
    (node.type === "VariableDeclaration" && node["kind"] === "await using")
  );
}
