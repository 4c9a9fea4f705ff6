/** A module of the program, parsed when a function is first looked for in it. */
import { type Erased, eraseTypes } from "../syntax/erase-types.ts";
import type { AnyNode } from "../syntax/parse.ts";
import { names } from "../syntax/reserved-names.ts";
import { type FoundFunction, findFunctions, parseAny } from "../syntax/scope-analysis.ts";
import type { FunctionText } from "./inline.ts";

/** The text of a module as the user wrote it. */
export interface ModuleText {
  /** The absolute real path of the module. */
  readonly name: string;
  readonly source: string;
  /** The extension decides the language of the text: `.ts`, `.tsx`, `.js` … */
  readonly extension: string;
}

export class AnalysedModule {
  readonly name: string;
  readonly #text: ModuleText;
  #code = "";
  #erased: Erased | undefined;
  #functions: FoundFunction[] | undefined;

  constructor(text: ModuleText) {
    this.name = text.name;
    this.#text = text;
  }

  /** The functions of the same shape: of the same kind and with as many parameters. */
  alike({ found }: FunctionText): FoundFunction[] {
    const shape = shapeOf(found.node);
    return this.#read().filter(
      ({ node, role }) =>
        (role === "function") === (found.role === "function") && shapeOf(node) === shape,
    );
  }

  textOf(found: FoundFunction): FunctionText {
    return { text: this.#code.slice(found.start, found.end), found, offset: found.start };
  }

  /**
   * The functions of the same shape, in the module as the runtime rewrites it.
   *
   * @returns for each its text and, if known, `source`: the function as the user wrote it
   */
  alikeAsRun({ found }: FunctionText): {
    text: string;
    found: FoundFunction;
    source?: FoundFunction;
  }[] {
    const source = this.#text.source.replace(/^#!/, "//");
    const { extension } = this.#text;
    const loader = extension === ".tsx" ? "tsx" : /ts/.test(extension) ? "ts" : "jsx";
    try {
      const code = new Bun.Transpiler({ loader, target: "bun", inline: true }).transformSync(
        source,
      );
      const all = findFunctions(parseAny(code));
      const own = this.#read();
      const shape = shapeOf(found.node);
      return all.flatMap((one, i) => {
        if (shapeOf(one.node) !== shape) return [];
        // The runtime moves lines but keeps the order of functions.
        const twin = all.length === own.length ? own[i] : undefined;
        const text = code.slice(one.start, one.end);
        return [{ text, found: one, ...(twin === undefined ? {} : { source: twin }) }];
      });
    } catch {
      return [];
    }
  }

  /** `FILE:LINE` in the user's own text. */
  position(at: number | undefined): string {
    if (at === undefined) return this.name;
    const before = this.#code.slice(0, at);
    const line = before.split("\n").length;
    const column = at - (before.lastIndexOf("\n") + 1);
    return `${this.name}:${this.#erased?.original(line, column).line ?? line}`;
  }

  /**
   * The comment that names a function's text in a slave: where the function's value begins in
   * this module without types. The line counts from 1, the column from 0.
   */
  origin({ node }: FoundFunction, head: number): string {
    const before = this.#code.slice(0, node.start);
    const column = node.start - (before.lastIndexOf("\n") + 1) - head;
    return `\n//# sourceURL=master:${encodeURI(this.name)}#${before.split("\n").length},${column}`;
  }

  /** The identifier that stands for `import` in this module when a slave runs it. */
  get importName(): string {
    this.#read();
    return names(this.#code).import;
  }

  #read(): FoundFunction[] {
    if (this.#functions !== undefined) return this.#functions;
    this.#functions = [];
    const source = this.#text.source.replace(/^\ufeff/, "").replace(/^#!/, "//");
    try {
      this.#erased = eraseTypes(source, this.#text.extension);
      this.#code = this.#erased.code;
      this.#functions = findFunctions(parseAny(this.#code));
    } catch {
      // No function is found in a text that cannot be parsed. Loading the module says why.
    }
    return this.#functions;
  }
}

function shapeOf(node: AnyNode): string {
  const params = node["params"] as AnyNode[];
  const isArrow = node.type === "ArrowFunctionExpression";
  return [isArrow, node["async"], node["generator"], params.length].join();
}
