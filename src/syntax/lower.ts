/**
 * Rewrites syntax that some remote interpreters lack (Node.js 18 to 22) into older syntax: `using`,
 * `await using`, and newer regular expressions. Edits keep every line. Code that uses such syntax
 * only on this machine must not keep the rest of its file from running remotely.
 *
 *     { using a = b; rest }
 *
 * becomes
 *
 *     { const STACK=USING();try{ const a = STACK.use(b); rest
 *       }catch(STACKe){STACK.fail(STACKe)}finally{STACK.end()} }
 *
 * The top level of an ES module cannot be put into a block. There the loader ends the stack
 * (LINKS.u, stage1/javascript/tier2/linker.js).
 */
import { declaratorNames } from "./assignments.ts";
import type { Edits } from "./edits.ts";
import { type AnyNode, children, isNode } from "./parse.ts";
import type { OwnNames } from "./reserved-names.ts";

/** Makes a stack of values to dispose of. Short, because each file that needs it has a copy. */
export const USING = `()=>{let s=[],f,e;const fail=x=>{e=!f?x:typeof SuppressedError=="function"?new SuppressedError(x,e):Object.assign(new Error("An error was suppressed during disposal"),{name:"SuppressedError",error:x,suppressed:e});f=1};return{fail,use(v,a){let d,y;if(v!=null){if(a)d=v[Symbol.asyncDispose];if(d==null){d=v[Symbol.dispose];y=1}if(typeof d!="function")throw new TypeError("the value of a using declaration cannot be disposed of")}if(v!=null||a)s.push([v,d,a,y]);return v},end(){while(s.length){const[v,d]=s.pop();try{d.call(v)}catch(x){fail(x)}}if(f)throw e},async endAsync(){while(s.length){const[v,d,a,y]=s.pop();try{const r=d&&d.call(v);if(a)await(y?0:r)}catch(x){fail(x)}}if(f)throw e}}}`;

interface LowerOptions {
  /** The position of the edited text in the parsed text. */
  readonly offset?: number;
  /** Whether the root is the top level of an ES module. */
  readonly isModule?: boolean;
}

export interface Lowered {
  /** Whether the result needs USING. */
  readonly needsUsing: boolean;
  /** How the top level of a module declares by `using`, if it does. */
  readonly top: "sync" | "async" | undefined;
}

/** A regular expression with modifiers of a group, such as `(?i:x)`. */
const MODIFIERS = /\(\?[ims]*-?[ims]+:/;

/** Adds the edits for a syntax tree. @param names of the stack and its maker in the text */
export function lower(
  root: AnyNode,
  edits: Edits,
  names: Pick<OwnNames, "stack" | "using">,
  options: LowerOptions = {},
): Lowered {
  const lowering = new Lowering(edits, names, options);
  lowering.visit(root, root);
  return lowering;
}

class Lowering implements Lowered {
  needsUsing = false;
  top: Lowered["top"];
  readonly #edits: Edits;
  readonly #stack: string;
  readonly #open: string;
  readonly #offset: number;
  readonly #isModule: boolean;

  constructor(
    edits: Edits,
    { stack, using }: Pick<OwnNames, "stack" | "using">,
    { offset = 0, isModule = false }: LowerOptions,
  ) {
    this.#edits = edits;
    this.#stack = stack;
    this.#open = `const ${stack}=${using}();try{`;
    this.#offset = offset;
    this.#isModule = isModule;
  }

  /** @param outer the statement with its labels, if `node` is a labelled loop; else `node` */
  visit(node: AnyNode, outer: AnyNode): void {
    switch (node.type) {
      case "Program":
      case "BlockStatement":
      case "StaticBlock":
        this.#block(node, node["body"] as AnyNode[]);
        break;
      case "ForStatement":
        this.#loop(node, outer);
        break;
      case "ForOfStatement":
        this.#each(node);
        break;
      case "Literal":
        if (isNewRegExp(node)) this.#regExp(node);
        break;
    }
    for (const child of children(node)) {
      this.visit(child, node.type === "LabeledStatement" ? outer : child);
    }
  }

  #insert(at: number, text: string): void {
    this.#edits.insert(at - this.#offset, text);
  }

  #close(isAsync: boolean): string {
    const stack = this.#stack;
    const end = isAsync ? `await ${stack}.endAsync()` : `${stack}.end()`;
    return `}catch(${stack}e){${stack}.fail(${stack}e)}finally{${end}}`;
  }

  /** Turns `using` into `const`. Each initial value goes through the stack. @returns isAsync */
  #declare(node: AnyNode): boolean {
    const isAsync = node["kind"] === "await using";
    const start = node.start - this.#offset;
    if (isAsync) this.#edits.blank(start, start + "await".length);
    const word = this.#edits.find("using", isAsync ? start + "await".length : start);
    this.#edits.replace(word, word + "using".length, "const");
    for (const one of node["declarations"] as AnyNode[]) {
      const init = one["init"];
      if (!isNode(init)) continue;
      this.#insert(init.start, `${this.#stack}.use(`);
      this.#insert(init.end, isAsync ? ",1)" : ")");
    }
    this.needsUsing = true;
    return isAsync;
  }

  #block(node: AnyNode, statements: readonly AnyNode[]): void {
    const found = statements.filter(isUsing);
    if (found.length === 0) return;
    const isAsync = found.map((one) => this.#declare(one)).includes(true);
    if (node.type === "Program" && this.#isModule) {
      this.top = isAsync ? "async" : "sync";
      return;
    }
    const first = statements.find((one) => one["directive"] === undefined);
    this.#insert(first?.start ?? node.start, this.#open);
    this.#insert(node.type === "Program" ? node.end : node.end - 1, this.#close(isAsync));
  }

  /** A `for` loop: a block around it, with its labels, disposes once the loop has ended. */
  #loop(node: AnyNode, outer: AnyNode): void {
    const init = node["init"];
    if (!isNode(init) || !isUsing(init)) return;
    this.#insert(outer.start, `{${this.#open}`);
    this.#insert(outer.end, `${this.#close(this.#declare(init))}}`);
  }

  /** A `for … of` loop: a block around its body disposes of each value. */
  #each(node: AnyNode): void {
    const left = node["left"] as AnyNode;
    if (!isUsing(left)) return;
    const body = node["body"] as AnyNode;
    const isAsync = this.#declare(left);
    const [name] = declaratorNames(left);
    const use = `${this.#stack}.use(${name}${isAsync ? ",1" : ""});`;
    this.#insert(body.start, `{${this.#open}${use}`);
    this.#insert(body.end, `${this.#close(isAsync)}}`);
  }

  /** A literal that an older parser rejects becomes a call, which fails only if it runs. */
  #regExp(node: AnyNode): void {
    const { pattern, flags } = node["regex"] as RegExpParts;
    const text = `(new RegExp(${JSON.stringify(pattern)},${JSON.stringify(flags)}))`;
    this.#edits.replace(node.start - this.#offset, node.end - this.#offset, text);
  }
}

interface RegExpParts {
  readonly pattern: string;
  readonly flags: string;
}

function isUsing(node: AnyNode): boolean {
  return node.type === "VariableDeclaration" && /using$/.test(node["kind"] as string);
}

/** Whether a literal has the flag `v`, modifiers, or two groups of the same name. */
function isNewRegExp(node: AnyNode): boolean {
  const regex = node["regex"] as RegExpParts | undefined;
  if (regex === undefined) return false;
  const { pattern, flags } = regex;
  const names = pattern.match(/\(\?<[^=!>]+>/g) ?? [];
  return flags.includes("v") || MODIFIERS.test(pattern) || new Set(names).size < names.length;
}
