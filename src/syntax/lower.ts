/**
 * Syntax that some of the interpreters over there lack (Node.js 18 to 22), in words that all have: `using`, `await using`, and regular
 * expressions with newer parts. By edits that keep every line. What only runs here must not keep the rest of a file from running there.
 *
 *     { using a = b; rest }   →   { const STACK=USING();try{ const a = STACK.use(b); rest }catch(STACKe){STACK.fail(STACKe)}finally{STACK.end()} }
 *
 * At the top level of an ES module nothing may be put into a block: there the loader ends the stack (LINKS.u, stage1/javascript/tier2/linker.js).
 */
import { declaratorNames } from "./assignments.ts";
import type { Edits } from "./edits.ts";
import { type AnyNode, children, isNode } from "./parse.ts";
import type { OwnNames } from "./reserved-names.ts";

/** Makes a stack of what is to be disposed of. Kept short, as it goes along with each file that needs it. */
export const USING = `()=>{let s=[],f,e;const fail=x=>{e=!f?x:typeof SuppressedError=="function"?new SuppressedError(x,e):Object.assign(new Error("An error was suppressed during disposal"),{name:"SuppressedError",error:x,suppressed:e});f=1};return{fail,use(v,a){let d,y;if(v!=null){if(a)d=v[Symbol.asyncDispose];if(d==null){d=v[Symbol.dispose];y=1}if(typeof d!="function")throw new TypeError("the value of a using declaration cannot be disposed of")}if(v!=null||a)s.push([v,d,a,y]);return v},end(){while(s.length){const[v,d]=s.pop();try{d.call(v)}catch(x){fail(x)}}if(f)throw e},async endAsync(){while(s.length){const[v,d,a,y]=s.pop();try{const r=d&&d.call(v);if(a)await(y?0:r)}catch(x){fail(x)}}if(f)throw e}}}`;

/** Where what is lowered stands. */
export interface LowerOptions {
  /** What the positions of nodes count from. */
  readonly offset?: number;
  /** The top level of an ES module: it has no block of its own. */
  readonly isModule?: boolean;
}

export interface Lowered {
  /** Whether what goes along needs USING. */
  readonly needsUsing: boolean;
  /** What the top level of a module declares by `using`. */
  readonly top: "sync" | "async" | undefined;
}

/** A regular expression with a flag, a group with modifiers, or two groups of one name. */
const NEWER_REGEXP = /\(\?[ims]*-?[ims]+:/;

export function lower(
  root: AnyNode,
  edits: Edits,
  { stack, using }: Pick<OwnNames, "stack" | "using">,
  { offset = 0, isModule = false }: LowerOptions = {},
): Lowered {
  let needsUsing = false;
  let top: Lowered["top"];

  const insert = (at: number, text: string): void => edits.insert(at - offset, text);
  const open = `const ${stack}=${using}();try{`;
  const close = (isAsync: boolean): string => {
    const end = isAsync ? `await ${stack}.endAsync()` : `${stack}.end()`;
    return `}catch(${stack}e){${stack}.fail(${stack}e)}finally{${end}}`;
  };

  /** `using` becomes `const`; what a declaration without `of` takes goes through the stack. */
  const declare = (node: AnyNode): boolean => {
    const isAsync = node["kind"] === "await using";
    const start = node.start - offset;
    if (isAsync) edits.blank(start, start + "await".length);
    const word = edits.find("using", isAsync ? start + "await".length : start);
    edits.replace(word, word + "using".length, "const");
    for (const one of node["declarations"] as AnyNode[]) {
      const init = one["init"];
      if (!isNode(init)) continue;
      insert(init.start, `${stack}.use(`);
      insert(init.end, isAsync ? ",1)" : ")");
    }
    needsUsing = true;
    return isAsync;
  };

  const block = (node: AnyNode, statements: readonly AnyNode[]): void => {
    const found = statements.filter(isUsing);
    if (found.length === 0) return;
    const isAsync = found.map(declare).includes(true);
    if (node.type === "Program" && isModule) {
      top = isAsync ? "async" : "sync";
      return;
    }
    const first = statements.find((one) => one["directive"] === undefined);
    insert(first?.start ?? node.start, open);
    insert(node.type === "Program" ? node.end : node.end - 1, close(isAsync));
  };

  /** @param outer the loop with its labels */
  const loop = (node: AnyNode, outer: AnyNode): void => {
    const init = node["init"];
    if (!isNode(init) || !isUsing(init)) return;
    insert(outer.start, `{${open}`);
    insert(outer.end, `${close(declare(init))}}`);
  };

  const each = (node: AnyNode): void => {
    const left = node["left"] as AnyNode;
    if (!isUsing(left)) return;
    const body = node["body"] as AnyNode;
    const isAsync = declare(left);
    const [name] = declaratorNames(left);
    insert(body.start, `{${open}${stack}.use(${name}${isAsync ? ",1" : ""});`);
    insert(body.end, `${close(isAsync)}}`);
  };

  const visit = (node: AnyNode, outer: AnyNode): void => {
    switch (node.type) {
      case "Program":
      case "BlockStatement":
      case "StaticBlock":
        block(node, node["body"] as AnyNode[]);
        break;
      case "ForStatement":
        loop(node, outer);
        break;
      case "ForOfStatement":
        each(node);
        break;
      case "Literal":
        if (isNewRegExp(node)) {
          const { pattern, flags } = node["regex"] as RegExpParts;
          const text = `(new RegExp(${JSON.stringify(pattern)},${JSON.stringify(flags)}))`;
          edits.replace(node.start - offset, node.end - offset, text);
        }
        break;
    }
    for (const child of children(node)) {
      visit(child, node.type === "LabeledStatement" ? outer : child);
    }
  };
  visit(root, root);
  return { needsUsing, top };
}

interface RegExpParts {
  readonly pattern: string;
  readonly flags: string;
}

function isUsing(node: AnyNode): boolean {
  return node.type === "VariableDeclaration" && /using$/.test(node["kind"] as string);
}

function isNewRegExp(node: AnyNode): boolean {
  const regex = node["regex"] as RegExpParts | undefined;
  if (regex === undefined) return false;
  const { pattern, flags } = regex;
  const names = pattern.match(/\(\?<[^=!>]+>/g) ?? [];
  return flags.includes("v") || NEWER_REGEXP.test(pattern) || new Set(names).size < names.length;
}
