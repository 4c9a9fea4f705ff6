/**
 * The names at a prompt: those of the runtime, and those that exist before the first input (the
 * library, the builtin modules, and `import`). All names are global, for completion and for every
 * input. Knows nothing about evaluation.
 */
import { builtinModules } from "node:module";
import { builtinModule } from "../functions/describe-function.ts";
import { placed } from "../program/loader.ts";
import { IMPORT } from "./compile-input.ts";

const OTHERS = /^(?:module|repl|sys|test|console|process|[^a-z].*|.*[/_:].*)$/;

/** Exports that an error lists. */
const MAX_LISTED = 12;

type Globals = Record<string, unknown>;

export class PromptScope {
  readonly #globals = globalThis as unknown as Globals;
  /** The globals of every JavaScript runtime, as far as this runtime shows them. */
  readonly #standard = new Set(Object.getOwnPropertyNames(globalThis));
  readonly #declared = new Set<string>();
  /** The imports that run. */
  #imports = new Set<symbol>();

  constructor() {
    for (const name of builtinModules) if (!OTHERS.test(name)) this.#lazily(name);
    this.defineHidden(IMPORT, (specifier: unknown, names?: readonly string[]) =>
      this.#import(specifier, names),
    );
    this.#standard.add("require").add("this");
  }

  /** Defines what generated code calls, and no user sees. */
  defineHidden(name: string, value: unknown): void {
    this.define({ [name]: value });
    this.#declared.delete(name);
    this.#standard.add(name);
  }

  define(values: Readonly<Record<string, unknown>>): void {
    for (const [name, value] of Object.entries(values)) {
      Object.defineProperty(this.#globals, name, {
        value,
        configurable: true,
        enumerable: false,
        writable: true,
      });
      this.#declared.add(name);
    }
  }

  declare(names: readonly string[]): void {
    for (const name of names) this.#declared.add(name);
  }

  /** Whether a target must not have this name. */
  isTaken(name: string): boolean {
    return this.#standard.has(name) || (this.#declared.has(name) && !isBuiltin(name));
  }

  /** Whether a name has the same meaning in a slave. */
  isStandard(name: string): boolean {
    if (this.#declared.has(name)) return false;
    return this.#standard.has(name) || (name in Object.prototype && !this.isKnown(name));
  }

  isKnown(name: string): boolean {
    return Object.hasOwn(this.#globals, name);
  }

  get(name: string): unknown {
    return this.#globals[name];
  }

  /** Whether a module is being evaluated, because an input imports it. */
  get isImporting(): boolean {
    return this.#imports.size > 0;
  }

  /** Forgets imports that may never end. */
  abandonImports(): void {
    this.#imports = new Set();
  }

  /** @param names the exports that must be there */
  async #import(specifier: unknown, names: readonly string[] = []): Promise<unknown> {
    const [imports, own] = [this.#imports, Symbol("import")];
    imports.add(own);
    try {
      const module = await importHere(specifier);
      // With a capital letter, it may be a type.
      const missing = names.find((name) => !(name in module || /^\p{Lu}/u.test(name)));
      if (missing === undefined) return module;
      throw new SyntaxError(`${JSON.stringify(specifier)} exports no ${missing}${others(module)}`);
    } finally {
      imports.delete(own);
    }
  }

  #lazily(name: string): void {
    if (name in this.#globals) return;
    Object.defineProperty(this.#globals, name, {
      get: () => builtinModule(name),
      set: (value: unknown) => this.define({ [name]: value }),
      configurable: true,
      enumerable: false,
    });
    this.#declared.add(name);
  }
}

/** `node:os`, if the value is that module or its namespace. */
export function moduleName(value: unknown): string | undefined {
  if (typeof value !== "object" && typeof value !== "function") return undefined;
  const own = value as { readonly default?: unknown } | null;
  const name = builtinModules.find((one) => {
    if (one.startsWith("_") || one.startsWith("bun") || one.includes(":")) return false;
    const module = builtinModule(one);
    return module !== undefined && (module === value || module === own?.default);
  });
  return name === undefined ? undefined : `node:${name}`;
}

function isBuiltin(name: string): boolean {
  return builtinModules.includes(name);
}

/** @returns what to add to an error about a missing export */
function others(module: object): string {
  const names = Object.keys(module);
  const isList = names.length > 0 && names.length <= MAX_LISTED;
  return isList ? `; it has ${names.join(", ")}` : "";
}

/** A specifier as a file in the working directory would resolve it. */
async function importHere(specifier: unknown): Promise<object> {
  const name = String(specifier);
  const isOurs = name === "econtext" || isBuiltin(name.replace(/^node:/, ""));
  const resolved = isOurs ? name : Bun.resolveSync(name, process.cwd());
  return import(resolved).catch((error) => {
    throw placed(error);
  });
}
