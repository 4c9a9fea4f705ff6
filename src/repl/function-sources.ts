/**
 * Functions that were typed at a prompt, as text that runs in a slave. The text includes the
 * functions of the prompt that they use, and the builtin modules. A function that uses anything
 * else of this process is refused. Knows no context.
 */
import { describeFunction } from "../functions/describe-function.ts";
import { standAlone } from "../functions/inline.ts";
import { type AnyFunction, writtenText } from "../functions/registry.ts";
import { UsageError } from "../index.ts";
import type { Compiled } from "./compile-input.ts";
import type { InputPlaces, SentPart } from "./input-places.ts";
import { moduleName, type PromptScope } from "./scope.ts";

/** An expression of a text that is sent. `text`: it is a function of an input, with this text. */
interface Part {
  readonly text?: string;
  readonly sent: string;
}

/** The free variables of a function, and where it was typed. */
interface Site {
  readonly names: readonly string[];
  /** Those of functions and blocks around it. */
  readonly captured: readonly string[];
  /** The name of the input, and the function's offset in its code. */
  readonly input: string;
  readonly start: number;
}

export class FunctionSources {
  readonly #scope: PromptScope;
  readonly #places: InputPlaces;
  /** By the function's text, which may occur several times. */
  readonly #sites = new Map<string, Site[]>();

  constructor(scope: PromptScope, places: InputPlaces) {
    this.#scope = scope;
    this.#places = places;
  }

  /** @param input the name of the input */
  add({ code, functions }: Compiled, input: string): void {
    for (const { start, end, free } of functions) {
      const all = [...free.values()];
      const named = (from: boolean) =>
        all.filter((one) => (one.from === "local") === from).map(({ name }) => name);
      const text = code.slice(start, end);
      const site = { names: named(false), captured: named(true), input, start };
      this.#sites.set(text, [...(this.#sites.get(text) ?? []), site]);
    }
  }

  /**
   * The text of an expression whose value is the function; undefined if no input has this text.
   * @throws {UsageError}
   */
  readonly source = (fn: AnyFunction, text: string): string | undefined => {
    if (!this.#sites.has(text)) return undefined;
    const parts = new Map<string, Part | undefined>();
    this.#gather(text, parts);
    const own = [...parts.keys()].find((name) => this.#scope.get(name) === fn);
    const result = own === undefined ? { text, sent: standAlone(text) } : { sent: own };
    if (parts.size === 0) return this.#named([result]);
    const needed = [...parts].flatMap(([name, part]) => [`const ${name} = `, part ?? "", ";\n"]);
    return this.#named(["(() => {\n", ...needed, "return ", result, ";\n})()"]);
  };

  /** Joins the pieces, and names the whole for stacks. */
  #named(pieces: readonly (string | Part)[]): string {
    let whole = "";
    const parts: SentPart[] = [];
    for (const piece of pieces) {
      const { text, sent } = typeof piece === "string" ? { sent: piece } : piece;
      const site = text === undefined ? undefined : this.#sites.get(text)?.at(-1);
      if (site !== undefined && text !== undefined) {
        parts.push({ input: site.input, start: site.start, text, at: whole.length, sent });
      }
      whole += sent;
    }
    return this.#places.addSent(whole, parts);
  }

  /**
   * Collects what a function needs.
   *
   * @param parts expressions in the order of their definition; undefined while one is being made
   */
  #gather(text: string, parts: Map<string, Part | undefined>): void {
    for (const { names, captured } of this.#sites.get(text) ?? []) {
      if (captured.length > 0) throw refused(text, captured);
      for (const name of names) {
        if (parts.has(name) || this.#scope.isStandard(name)) continue;
        parts.set(name, undefined);
        parts.set(name, this.#part(text, name, parts));
      }
    }
  }

  #part(user: string, name: string, parts: Map<string, Part | undefined>): Part {
    const value = this.#scope.get(name);
    if (!this.#scope.isKnown(name)) throw refused(user, [name]);
    const module = moduleName(value);
    if (module !== undefined) return { sent: `require(${JSON.stringify(module)})` };
    if (typeof value !== "function") throw refused(user, [name]);
    const text = writtenText(value as AnyFunction);
    if (this.#sites.has(text)) {
      this.#gather(text, parts);
      return { text, sent: standAlone(text) };
    }
    const found = builtin(value as AnyFunction);
    if (found === undefined) throw refused(user, [name]);
    return { sent: found };
  }
}

/** An expression for a function that a slave has, too. */
function builtin(fn: AnyFunction): string | undefined {
  try {
    const { function: name } = describeFunction(fn);
    if (typeof name !== "string") return undefined;
    const [, module, path] = /^node:([^.]+)\.(.+)$/.exec(name) ?? [];
    if (module !== undefined) return `require("node:${module}").${path}`;
    return name.includes(":") ? undefined : name;
  } catch {
    return undefined;
  }
}

function refused(text: string, names: readonly string[]): UsageError {
  const head = JSON.stringify(text.slice(0, 60).replace(/\s+/g, " "));
  const list = names.join(", ");
  return new UsageError(
    "ERR_USAGE_CLOSURE",
    `the function ${head} closes over ${list}; pass what it needs as an argument`,
  );
}
