/**
 * Functions without a name that a slave could look up. Such a function is sent as text: it is
 * found again in the modules of the program, and refused if it uses a variable of the function
 * around it. Knows modules as texts, and not how they are loaded.
 */
import { basename } from "node:path";
import { UsageError } from "../errors.ts";
import type { FoundFunction } from "../syntax/scope-analysis.ts";
import { AnalysedModule, type ModuleText } from "./analysed-module.ts";
import {
  type FunctionText,
  importPositions,
  readFunction,
  refused,
  toExpression,
} from "./inline.ts";

/** A function expression in JavaScript. A slave evaluates it at the top level of `module`. */
interface InlineFunction {
  /** "" if the function needs no module: any slave can evaluate it. */
  readonly module: string;
  readonly source: string;
}

/** A place where a function's text stands in the program. */
interface Occurrence {
  readonly module: AnalysedModule;
  /** The function as it runs. */
  readonly found: FoundFunction;
  /** The function as the user wrote it, if that is known. */
  readonly source: FoundFunction | undefined;
}

const REMEDY = "pass it as an argument, or move the function to the top level";
/** The names that every CommonJS module has without declaring them. */
const MODULE_NAMES = new Set(["require", "module", "exports", "__filename", "__dirname"]);

export class Closures {
  readonly #modules: AnalysedModule[] = [];
  /** By the function's text, so that a function made in a loop is looked for once. */
  readonly #known = new Map<string, InlineFunction | UsageError>();
  /** Rewrites a text as the runtime does: a text that the runtime has rewritten stays as it is. */
  readonly #transpiler = new Bun.Transpiler({ loader: "js", target: "bun", inline: true });

  add(module: ModuleText): void {
    this.#modules.push(new AnalysedModule(module));
    this.#known.clear();
  }

  /**
   * The expression to send for a function's text.
   *
   * @throws {UsageError} `ERR_USAGE_CLOSURE`, `ERR_USAGE_FUNCTION`
   */
  inline(text: string): InlineFunction {
    const known = this.#known.get(text) ?? this.#find(text);
    this.#known.set(text, known);
    if (known instanceof UsageError) throw new UsageError(known.code, known.message);
    return known;
  }

  #find(text: string): InlineFunction | UsageError {
    try {
      const fn = readFunction(text);
      const printed = this.#printed(fn);
      const asWritten = this.#modules.flatMap((module) =>
        module
          .alike(fn)
          .filter((found) => this.#printed({ ...fn, ...module.textOf(found) }) === printed)
          .map((found) => ({ module, found, source: found })),
      );
      const isWritten = asWritten.length > 0;
      const [first, ...others] = isWritten ? asWritten : this.#findAsRun(fn, printed);
      if (first === undefined) return inlineWithoutModule(fn);
      for (const occurrence of [first, ...others]) checkSendable(occurrence);
      // The user's own text keeps its lines, which errors of the function name.
      const own = isWritten ? first.module.textOf(first.found) : fn;
      return inlineAt(own, [first, ...others], isWritten);
    } catch (error) {
      if (error instanceof UsageError) return error;
      throw error;
    }
  }

  /**
   * Finds a function whose text the runtime has changed: it replaces a constant or a member of an
   * enum by its value. So the whole module is rewritten in the same way and searched.
   */
  #findAsRun(fn: FunctionText, printed: string): Occurrence[] {
    return this.#modules.flatMap((module) =>
      module
        .alikeAsRun(fn)
        .filter(({ text, found }) => this.#printed({ text, found }) === printed)
        .map(({ found, source }) => ({ module, found, source })),
    );
  }

  /** The text of a function in one canonical form, to compare texts by. */
  #printed({ text, found }: Pick<FunctionText, "text" | "found">): string {
    try {
      const wrapped = found.role === "function" ? `(${text})` : `({${text}})`;
      return this.#transpiler.transformSync(`export default ${wrapped}`).replace(/\s+/g, " ");
    } catch {
      return text;
    }
  }
}

/** @throws {UsageError} if the function at this place cannot be sent */
function checkSendable({ module, found, source }: Occurrence): void {
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

/** The expression for a function that stands in at least one module of the program. */
function inlineAt(
  fn: FunctionText,
  occurrences: readonly [Occurrence, ...Occurrence[]],
  isWritten: boolean,
): InlineFunction {
  const needsModule = occurrences.some(({ found }) =>
    [...found.free.values()].some(({ name, from }) => from === "module" || MODULE_NAMES.has(name)),
  );
  const [{ module }] = occurrences;
  const imports = importPositions(fn);
  const { source, head } = toExpression(fn, module.importName);
  const origin = isWritten ? module.origin(fn.found, head) : "";
  if (!needsModule && imports.length === 0) return { module: "", source: source + origin };
  const modules = [...new Set(occurrences.map((one) => one.module.name))];
  if (modules.length > 1) {
    const list = modules.map((name) => basename(name)).join(" and ");
    throw refused(`its text is in ${list}; move it to the top level of one`);
  }
  return { module: module.name, source: source + origin };
}

/**
 * The expression for a function that is in no module of the program, such as one of `new Function`.
 * It may use only variables that every slave has.
 */
function inlineWithoutModule(fn: FunctionText): InlineFunction {
  const unknown = [...fn.found.free.values()].filter(
    ({ name, from }) => from === "local" || !(name in globalThis),
  );
  if (unknown.length > 0) {
    const list = unknown.map(({ name }) => name).join(", ");
    const head = fn.text.slice(0, 60).replace(/\s+/g, " ");
    throw new UsageError(
      "ERR_USAGE_CLOSURE",
      `the function ${JSON.stringify(head)} closes over ${list}, ` +
        "and is not in a module of the program; pass one that calls it: (...args) => f(...args)",
    );
  }
  if (importPositions(fn).length > 0) {
    throw refused("uses import, and its module is not known; move it to the top level of one");
  }
  return { module: "", source: toExpression(fn).source };
}
