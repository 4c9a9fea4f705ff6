/**
 * Evaluates the inputs of a prompt, one after the other, in the global scope of this process. Knows
 * no terminal and no context.
 */
import { runInThisContext } from "node:vm";
import { compile } from "./compile-input.ts";
import type { FunctionSources } from "./function-sources.ts";
import { guarded } from "./guards.ts";
import type { InputPlaces } from "./input-places.ts";
import type { PromptScope } from "./scope.ts";

/** The value of an input; undefined if the input has no value to show. */
export type Evaluated = { readonly value: unknown } | undefined;

/** A declaration that imports, on one line or several. */
const IMPORT = /^[ \t]*import\b(?!\s*[.(])[^;"'()]*["'][^"'\n]+["'][^\n;]*/gm;

export class Evaluator {
  readonly #scope: PromptScope;
  readonly #functions: FunctionSources;
  readonly #places: InputPlaces;
  readonly #name: string | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #inputs = 0;
  /** The imports of all inputs, each once. */
  readonly #imports = new Set<string>();

  /** @param name of the input, if there is only one: no prompt, and no ctrl-C to look for */
  constructor(scope: PromptScope, functions: FunctionSources, places: InputPlaces, name?: string) {
    this.#scope = scope;
    this.#functions = functions;
    this.#places = places;
    this.#name = name;
  }

  /** Evaluates an input. @throws {InputError} at once; an error of the input rejects the promise */
  evaluate(source: string): Promise<Evaluated> {
    const compiled = compile(source);
    const run = async (): Promise<Evaluated> => {
      this.#scope.declare(compiled.names);
      const name = this.#name ?? `repl:${++this.#inputs}`;
      this.#functions.add(compiled, name);
      const { code } = compiled;
      const running = this.#name === undefined ? guarded(code) : code;
      const filename = this.#places.add(name, { source, code, running });
      const result = await (runInThisContext(running, { filename }) as unknown);
      for (const [text] of source.matchAll(IMPORT)) this.#imports.add(text);
      return compiled.hasValue ? (result as Evaluated) : undefined;
    };
    const done = this.#last.then(run);
    this.#last = done.catch(() => {});
    return done;
  }

  /** Evaluates all imports so far once more. */
  async importAgain(): Promise<void> {
    for (const text of this.#imports) await this.evaluate(text);
  }

  /** Lets later inputs start without waiting for those that still run. */
  abandon(): void {
    this.#last = Promise.resolve();
    this.#scope.abandonImports();
  }

  /** The value of a plain path, for completion. */
  peek(expression: string): unknown {
    return runInThisContext(expression, { filename: "repl" });
  }
}
