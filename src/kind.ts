/**
 * Kinds of slaves: which interpreter, which language, and what a caller's work needs of it. Knows no connection.
 */
import { UsageError } from "./errors.ts";

export type Kind = "python" | "node" | "bun";
export type Language = "python" | "javascript";
/** What work needs where no kind was asked for; `any`: whichever starts fastest. */
export type Wants = Language | "any";

/** How the user asks for one. */
export interface KindOptions {
  /** Take this interpreter and no other; default: the first that is there of those that the work can use. */
  readonly kind?: Kind;
  /** Path or name of the interpreter to use there; says the kind, too. */
  readonly python?: string;
  readonly node?: string;
  readonly bun?: string;
}

/** The one interpreter that was asked for. */
export interface Interpreter {
  readonly kind: Kind;
  readonly path?: string | undefined;
}

export const KINDS: readonly Kind[] = ["python", "node", "bun"];

/** @throws {UsageError} `ERR_USAGE_KIND` */
export function readKind(options: KindOptions): Interpreter | undefined {
  const { kind } = options;
  const named = KINDS.filter((name) => options[name] !== undefined);
  if (kind !== undefined && !KINDS.includes(kind)) {
    throw new UsageError("ERR_USAGE_KIND", `no such kind: ${kind}; one of ${KINDS.join(", ")}`);
  }
  if (kind !== undefined) return { kind, path: options[kind] };
  const [only, other] = named;
  if (only === undefined) return undefined;
  if (other !== undefined) {
    const problem = `${only} and ${other} are both named`;
    throw new UsageError("ERR_USAGE_KIND", `${problem}; say which kind it shall be`);
  }
  return { kind: only, path: options[only] };
}

export function languageOf(kind: string): Language {
  return kind === "python" ? "python" : "javascript";
}

/** What a function's name needs: JavaScript's names are `node:os.hostname` and `/path/module.ts:fn`. */
export function wantsOf(name: string): Wants {
  if (name.startsWith("econtext.")) return "any";
  return isJavaScriptName(name) ? "javascript" : "python";
}

export function isJavaScriptName(name: string): boolean {
  return name.startsWith("node:") || (name.startsWith("/") && name.includes(":"));
}
