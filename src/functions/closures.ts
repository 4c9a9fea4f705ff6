/**
 * A function without a name of its own, as text that another process can evaluate: found again in the program's source by its text, and
 * refused when it needs a variable of a function around it. Knows the program's modules as texts; says nothing of how they are loaded.
 */
import { basename } from "node:path";
import { UsageError } from "../errors.ts";
import { Edits } from "../syntax/edits.ts";
import { type Erased, eraseTypes } from "../syntax/erase-types.ts";
import { lower, USING } from "../syntax/lower.ts";
import { type AnyNode, children, parse } from "../syntax/parse.ts";
import { names } from "../syntax/reserved-names.ts";
import { type FoundFunction, findFunctions, parseAny } from "../syntax/scope-analysis.ts";

/** Where a module's text came from, in the user's own words. */
export interface ModuleText {
  /** Its absolute real path. */
  readonly name: string;
  readonly source: string;
  /** Decides what the text may hold: `.ts`, `.tsx`, `.js` … */
  readonly extension: string;
}

/** JavaScript of one function expression; evaluated at the top level of `module`, or of none. */
export interface InlineFunction {
  readonly module: string;
  readonly source: string;
}

/** One function's own text. */
interface Alone {
  readonly text: string;
  readonly found: FoundFunction;
  /** Where its text begins in what was parsed. */
  readonly offset: number;
}

/** Where a function was found. */
interface Place {
  readonly module: AnalysedModule;
  /** As it runs. */
  readonly found: FoundFunction;
  /** As the user wrote it, where that is known. */
  readonly source: FoundFunction | undefined;
}

const REMEDY = "pass it as an argument, or move the function to the top level";
/** What every module has, though it declares none of them. */
const OF_A_MODULE = new Set(["require", "module", "exports", "__filename", "__dirname"]);

export class Closures {
  readonly #modules: AnalysedModule[] = [];
  /** By the function's text: a function made in a loop is looked for once. */
  readonly #known = new Map<string, InlineFunction | UsageError>();
  /** It rewrites as the runtime does: what the runtime has rewritten stays. */
  readonly #transpiler = new Bun.Transpiler({ loader: "js", target: "bun", inline: true });

  add(module: ModuleText): void {
    this.#modules.push(new AnalysedModule(module));
    this.#known.clear();
  }

  /** @throws {UsageError} `ERR_USAGE_CLOSURE`, `ERR_USAGE_FUNCTION` */
  inline(text: string): InlineFunction {
    const known = this.#known.get(text) ?? this.#find(text);
    this.#known.set(text, known);
    if (known instanceof UsageError) throw new UsageError(known.code, known.message);
    return known;
  }

  #find(text: string): InlineFunction | UsageError {
    try {
      const alone = readAlone(text);
      const same = this.#printed(alone);
      const written = this.#modules.flatMap((module) =>
        module
          .alike(alone)
          .filter((found) => this.#printed({ ...alone, ...module.alone(found) }) === same)
          .map((found) => ({ module, found, source: found })),
      );
      const places = written.length > 0 ? written : this.#asRun(alone, same);
      for (const place of places) refuse(place);
      const [first, ...others] = places;
      if (first === undefined) return unknownPlace(alone);
      // As it was written, lines and all: its errors name them.
      const isWritten = written.length > 0;
      const own = isWritten ? first.module.alone(first.found) : alone;
      return inPlace(own, [first, ...others], isWritten);
    } catch (error) {
      if (error instanceof UsageError) return error;
      throw error;
    }
  }

  /** The runtime puts the value in the place of a constant or of an enum's member: then only the whole module tells. */
  #asRun(alone: Alone, same: string): Place[] {
    return this.#modules.flatMap((module) =>
      module
        .asRun(alone)
        .filter(({ text, found }) => this.#printed({ text, found }) === same)
        .map(({ found, source }) => ({ module, found, source })),
    );
  }

  /** Its text as one printer writes it, whoever wrote it. */
  #printed({ text, found }: Pick<Alone, "text" | "found">): string {
    try {
      const wrapped = found.role === "function" ? `(${text})` : `({${text}})`;
      return this.#transpiler.transformSync(`export default ${wrapped}`).replace(/\s+/g, " ");
    } catch {
      return text;
    }
  }
}

/** A module whose functions are looked at when one is looked for. */
class AnalysedModule {
  readonly name: string;
  readonly #text: ModuleText;
  #code = "";
  #erased: Erased | undefined;
  #functions: FoundFunction[] | undefined;

  constructor(text: ModuleText) {
    this.name = text.name;
    this.#text = text;
  }

  /** Functions that can be this one, as far as one look tells. */
  alike({ found }: Alone): FoundFunction[] {
    const shape = shapeOf(found.node);
    return this.#read().filter(
      ({ node, role }) =>
        (role === "function") === (found.role === "function") && shapeOf(node) === shape,
    );
  }

  alone(found: FoundFunction): Alone {
    return { text: this.#code.slice(found.start, found.end), found, offset: found.start };
  }

  /** The same, of the whole module as the runtime rewrites it. */
  asRun({ found }: Alone): { text: string; found: FoundFunction; source?: FoundFunction }[] {
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
        // It moves lines, but nothing past anything else.
        const twin = all.length === own.length ? own[i] : undefined;
        const text = code.slice(one.start, one.end);
        return [{ text, found: one, ...(twin === undefined ? {} : { source: twin }) }];
      });
    } catch {
      return [];
    }
  }

  /** `FILE:LINE` of the user's own text. */
  position(at: number | undefined): string {
    if (at === undefined) return this.name;
    const before = this.#code.slice(0, at);
    const line = before.split("\n").length;
    const column = at - (before.lastIndexOf("\n") + 1);
    return `${this.name}:${this.#erased?.original(line, column).line ?? line}`;
  }

  /** What the far side calls a function's text: where its value begins in this module, without types; line from 1, column from 0. */
  origin({ node }: FoundFunction, head: number): string {
    const before = this.#code.slice(0, node.start);
    const column = node.start - (before.lastIndexOf("\n") + 1) - head;
    return `\n//# sourceURL=master:${encodeURI(this.name)}#${before.split("\n").length},${column}`;
  }

  /** The identifier that stands for `import` in this module over there. */
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
      // What cannot be read has no functions to be found in; whoever loads it says why.
    }
    return this.#functions;
  }
}

/** An expression whose value is the function with this text. @throws {UsageError} */
export function standAlone(text: string): string {
  return written(readAlone(text)).source;
}

/** @throws {UsageError} for what is no function that can stand alone */
function readAlone(text: string): Alone {
  for (const [before, after] of [
    ["(", ")"],
    ["({", "})"],
  ] as const) {
    try {
      const [found] = findFunctions(parse(before + text + after, "module"));
      if (found !== undefined) return { text, found, offset: before.length };
    } catch {
      // Not written as this.
    }
  }
  throw refused(`cannot be read: ${JSON.stringify(text.slice(0, 60))}`);
}

function shapeOf(node: AnyNode): string {
  const params = node["params"] as AnyNode[];
  const isArrow = node.type === "ArrowFunctionExpression";
  return [isArrow, node["async"], node["generator"], params.length].join();
}

/** @throws {UsageError} when the function at this place cannot be sent */
function refuse({ module, found, source }: Place): void {
  const { role, free } = found;
  const captured = [...free.values()].filter(({ from }) => from === "local");
  const [first] = captured;
  const place = module.position(source?.free.get(first?.name ?? "")?.at ?? source?.node.start);
  if (role === "instance") {
    throw refused(
      `${place}: is a method of a class's instances; pass a static method or a function`,
    );
  }
  if (first !== undefined) {
    const list = captured.map(({ name }) => name).join(", ");
    throw new UsageError(
      "ERR_USAGE_CLOSURE",
      `${place}: the function closes over ${list}; ${REMEDY}`,
    );
  }
  if (role === "static") {
    throw refused(`${place}: its class is not at the top level of its module; move it there`);
  }
}

function inPlace(
  alone: Alone,
  places: readonly [Place, ...Place[]],
  isWritten: boolean,
): InlineFunction {
  const needsModule = places.some(({ found }) =>
    [...found.free.values()].some(({ name, from }) => from === "module" || OF_A_MODULE.has(name)),
  );
  const [{ module }] = places;
  const imports = importPositions(alone);
  const { source, head } = written(alone, module.importName);
  const origin = isWritten ? module.origin(alone.found, head) : "";
  if (!needsModule && imports.length === 0) return { module: "", source: source + origin };
  const modules = [...new Set(places.map((place) => place.module.name))];
  if (modules.length > 1) {
    const list = modules.map((name) => basename(name)).join(" and ");
    throw refused(`stands word for word in ${list}; move it to the top level of one`);
  }
  return { module: module.name, source: source + origin };
}

/** As it is sent, with how many characters of ours in front of it. */
function written(alone: Alone, importName = "import"): { source: string; head: number } {
  const edits = new Edits(alone.text);
  for (const at of importPositions(alone)) edits.replace(at, at + "import".length, importName);
  const own = names(alone.text);
  const { needsUsing } = lower(alone.found.node, edits, own, { offset: alone.offset });
  const source = expression(alone, edits.apply().text);
  const head = headOf(alone).length;
  if (!needsUsing) return { source, head };
  const before = `((${own.using})=>(`;
  return { source: `${before}${source}))(${USING})`, head: head + before.length };
}

/** It was not loaded as part of a program: what it uses must exist wherever it goes. */
function unknownPlace(alone: Alone): InlineFunction {
  const unknown = [...alone.found.free.values()].filter(
    ({ name, from }) => from === "local" || !(name in globalThis),
  );
  if (unknown.length > 0) {
    const list = unknown.map(({ name }) => name).join(", ");
    const head = alone.text.slice(0, 60).replace(/\s+/g, " ");
    throw new UsageError(
      "ERR_USAGE_CLOSURE",
      `the function ${JSON.stringify(head)} closes over ${list}, and is not in a module of the program; pass one that calls it: (...args) => f(...args)`,
    );
  }
  if (importPositions(alone).length > 0) {
    throw refused("uses import, and its module is not known; move it to the top level of one");
  }
  return { module: "", source: written(alone).source };
}

/** A method's text is none that can stand alone. */
function expression(alone: Alone, text: string): string {
  const { found, offset } = alone;
  if (found.role === "function") return text;
  const { node } = found;
  if (/^(?:get|set)\s/.test(text) && node["async"] !== true) {
    const params = text.indexOf("(");
    if (params > 4 && node.start - offset >= 4) throw refused("is a getter or a setter");
  }
  if (/\bthis\b/.test(text)) {
    throw refused("is a method that uses this; pass a function that has no object");
  }
  // Its value begins at the parameters.
  return headOf(alone) + text.slice(node.start - offset);
}

function headOf({ found: { role, node } }: Alone): string {
  if (role === "function") return "";
  return `${node["async"] ? "async " : ""}function${node["generator"] ? "*" : ""} `;
}

/** Where `import(…)` and `import.meta` stand in the text, the last first. */
function importPositions({ found, offset }: Alone): number[] {
  const positions: number[] = [];
  const visit = (node: AnyNode): void => {
    const isMeta =
      node.type === "MetaProperty" && (node["meta"] as { name?: string }).name === "import";
    if (isMeta || node.type === "ImportExpression") positions.push(node.start - offset);
    for (const child of children(node)) visit(child);
  };
  visit(found.node);
  return positions.sort((a, b) => b - a);
}

/** Why a function is none that can be called elsewhere. */
export function refused(problem: string): UsageError {
  return new UsageError(
    "ERR_USAGE_FUNCTION",
    `a function that cannot be called elsewhere: ${problem}`,
  );
}
