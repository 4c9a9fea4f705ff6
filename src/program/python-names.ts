/** What a Python file offers to be called, read from its text without running it: functions at the top level, and static methods there. */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { registerFunction } from "../functions.ts";
import { UsageError } from "../index.ts";
import { type Token, tokenize } from "../modules/python-lexer.ts";
import { SourceTrees } from "../modules/source-trees.ts";

export interface PythonParameter {
  readonly name: string;
  readonly role: "required" | "optional" | "keyword" | "rest" | "named";
}

export interface PythonFunction {
  /** `restart`, `Service.restart` */
  readonly path: string;
  readonly parameters: readonly PythonParameter[];
}

export interface PythonModule {
  /** Its path below the root, without `.py`, from the outermost package that it is in. */
  readonly place: string;
  /** The folder that it is imported from. */
  readonly root: string;
}

/** @param file absolute real path */
export function pythonModule(file: string): PythonModule {
  // No module's name has a dot: it stands there as `_`.
  let place = basename(file, ".py").replaceAll(".", "_");
  let root = dirname(file);
  if (place === "__init__") {
    place = basename(root);
    root = dirname(root);
  }
  // A file of a package is a module of that package: it may import its siblings.
  while (existsSync(join(root, "__init__.py"))) {
    place = `${basename(root)}/${place}`;
    root = dirname(root);
  }
  const other = `${join(root, place)}.py`;
  if (basename(file) !== "__init__.py" && file !== other && existsSync(other)) {
    const problem = `${file} and ${other} would be one module; rename one`;
    throw new UsageError("ERR_USAGE_FUNCTION", problem);
  }
  return { place, root };
}

/** Whether Python modules can be in it: a folder, or a zip file. */
export function isPythonRoot(path: string): boolean {
  return new SourceTrees([path]).roots.length > 0;
}

export type PythonStub = (...args: readonly unknown[]) => unknown;

/** What stands for a function of a Python file: it can be passed to a context's `call`. @param file absolute real path */
export function pythonFunction(file: string, path: string): PythonStub {
  const { place, root } = pythonModule(file);
  const stub = (): never => {
    throw new UsageError(
      "ERR_USAGE_FUNCTION",
      `${place.replaceAll("/", ".")}:${path} is a Python function; pass it to context.call`,
    );
  };
  Object.defineProperty(stub, "name", { value: path });
  registerFunction(stub, { language: "python", module: place, path, root });
  return stub;
}

/** In source order; what is defined twice, in two branches perhaps, is listed once. */
export function pythonFunctions(source: string): PythonFunction[] {
  return new DefinitionReader(source).run();
}

class DefinitionReader {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  readonly #found = new Map<string, PythonFunction>();
  #at = 0;

  constructor(source: string) {
    this.#source = source;
    this.#tokens = tokenize(source).filter(({ kind }) => kind !== "nl" && kind !== "comment");
  }

  run(): PythonFunction[] {
    this.#block("", 0);
    return [...this.#found.values()];
  }

  /** Statements of the module (prefix "") or of a class's body, up to the dedent that ends it. */
  #block(prefix: string, depth: number): void {
    let decorators: string[] = [];
    while (this.#at < this.#tokens.length) {
      const token = this.#tokens[this.#at];
      if (token?.kind === "dedent") {
        this.#at++;
        if (depth > 0) return;
        continue;
      }
      if (token?.kind === "indent") {
        // Of an `if` or a `try`: what it defines is at this level as well.
        this.#at++;
        this.#block(prefix, depth + 1);
        continue;
      }
      const word = this.#word();
      if (word === "@") decorators.push(this.#line());
      else if (word === "async") this.#at++;
      else if (word === "def") {
        this.#definition(prefix, decorators);
        decorators = [];
      } else if (word === "class") {
        this.#class(prefix);
        decorators = [];
      } else this.#line();
    }
  }

  #definition(prefix: string, decorators: readonly string[]): void {
    this.#at++;
    const name = this.#word();
    this.#at++;
    const isStatic = decorators.some((one) => /^@\s*staticmethod\b/.test(one));
    const isOfClass = decorators.some((one) => /^@\s*classmethod\b/.test(one));
    const parameters = this.#parameters();
    this.#line();
    this.#skipBlock();
    if (prefix !== "" && !isStatic && !isOfClass) return;
    const path = prefix + name;
    this.#found.set(path, { path, parameters: isOfClass ? parameters.slice(1) : parameters });
  }

  #class(prefix: string): void {
    this.#at++;
    const name = this.#word();
    this.#line();
    if (this.#tokens[this.#at]?.kind !== "indent") return;
    this.#at++;
    this.#block(`${prefix}${name}.`, 1);
  }

  /** From the opening bracket to behind the closing one. */
  #parameters(): PythonParameter[] {
    const parts: string[][] = [[]];
    let depth = 0;
    while (this.#at < this.#tokens.length && this.#tokens[this.#at]?.kind !== "newline") {
      const word = this.#word();
      this.#at++;
      if ("([{".includes(word) && ++depth === 1) continue;
      if (")]}".includes(word) && --depth === 0) break;
      if (depth === 1 && word === ",") parts.push([]);
      else parts.at(-1)?.push(word);
    }
    return readParameters(parts.filter((words) => words.length > 0));
  }

  #skipBlock(): void {
    if (this.#tokens[this.#at]?.kind !== "indent") return;
    let depth = 0;
    do {
      const kind = this.#tokens[this.#at++]?.kind;
      if (kind === "indent") depth++;
      if (kind === "dedent") depth--;
    } while (depth > 0 && this.#at < this.#tokens.length);
  }

  /** The rest of the logical line. */
  #line(): string {
    const start = this.#tokens[this.#at]?.start ?? 0;
    while (this.#at < this.#tokens.length && this.#tokens[this.#at]?.kind !== "newline") this.#at++;
    const end = this.#tokens[this.#at]?.start ?? this.#source.length;
    this.#at++;
    return this.#source.slice(start, end);
  }

  #word(): string {
    const token = this.#tokens[this.#at];
    return token === undefined ? "" : this.#source.slice(token.start, token.end).trim();
  }
}

function readParameters(parts: readonly (readonly string[])[]): PythonParameter[] {
  const found: PythonParameter[] = [];
  let isKeyword = false;
  for (const [first = "", second = "", ...more] of parts) {
    if (first === "/") continue;
    if (first === "*" && second === "") isKeyword = true;
    else if (first === "*") {
      isKeyword = true;
      found.push({ name: second, role: "rest" });
    } else if (first === "**") found.push({ name: second, role: "named" });
    else {
      const isOptional = second === "=" || more.includes("=");
      const role = isKeyword ? "keyword" : isOptional ? "optional" : "required";
      found.push({ name: first, role });
    }
  }
  return found;
}
