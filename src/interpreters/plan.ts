/**
 * What is to be started on the target: a language or one interpreter, and the names that are tried.
 */
import { type Interpreter, type Kind, type Language, languageOf, type Wants } from "./kind.ts";

export interface Plan {
  /** The language of the work; `any`: the first interpreter that is found will do. */
  readonly wants: Wants;
  /** With a `kind`, no other interpreter will do. */
  readonly kind?: Kind | undefined;
  /** Path or name of that interpreter; default: the kind's own names, found on PATH. */
  readonly path?: string | undefined;
}

/** @param interpreter the one that the user asked for, if there is one */
export function planFor(wants: Wants, interpreter: Interpreter | undefined): Plan {
  return { wants, kind: interpreter?.kind, path: interpreter?.path };
}

/**
 * @returns the language of every interpreter that the plan allows; undefined if it allows several
 */
export function languageOfPlan({ kind, wants }: Plan): Language | undefined {
  if (kind !== undefined) return languageOf(kind);
  return wants === "any" ? undefined : wants;
}

/** @returns the names that the first stage tries, in order */
export function tried({ wants, kind, path }: Plan): readonly string[] {
  if (path !== undefined) return [path];
  if (kind !== undefined && kind !== "python") return [kind];
  if (wants === "python" || kind === "python") return ["python3", "python", "python2"];
  return wants === "javascript" ? ["bun", "node"] : ["python3", "bun", "node", "python"];
}

/** Whether a lent Bun can do what the plan asks for: work in JavaScript that needs no Node.js. */
export function isLendable({ kind, wants }: Plan): boolean {
  return kind === undefined ? wants === "javascript" : kind === "bun";
}
