/**
 * Kinds and languages, declared once: which interpreters there are, how a user asks for one, and
 * which language a function's name belongs to. What is started for them is in plan.ts.
 */
import { UsageError } from "../errors.ts";

/** An interpreter that a context can be. */
export type Kind = "python" | "node" | "bun";
export type Language = "python" | "javascript";
/**
 * The language of a call, where no kind was asked for; `any`: the first interpreter found will do.
 */
export type Wants = Language | "any";

/** How a user asks for an interpreter. */
export interface KindOptions {
  /**
   * Take this interpreter and no other. Default: the first one found that can do the first call.
   */
  readonly kind?: Kind;
  /** Path or name of the interpreter on the target; implies the kind. */
  readonly python?: string;
  readonly node?: string;
  readonly bun?: string;
}

/** The one interpreter that a user asked for. */
export interface Interpreter {
  readonly kind: Kind;
  readonly path?: string | undefined;
}

export const KINDS: readonly Kind[] = ["python", "node", "bun"];

const LANGUAGE_NAMES: Readonly<Record<Language, string>> = {
  python: "Python",
  javascript: "JavaScript",
};

/** @throws {UsageError} `ERR_USAGE_KIND`: no such kind, or options that contradict each other */
export function readKind(options: KindOptions): Interpreter | undefined {
  const { kind } = options;
  const named = KINDS.filter((name) => options[name] !== undefined);
  const empty = named.find((name) => options[name] === "");
  if (kind !== undefined && !KINDS.includes(kind)) {
    throw refused(`no such kind: ${JSON.stringify(kind)}; write ${KINDS.join(", ")}`);
  }
  if (empty !== undefined) throw refused(`the path of ${empty} is empty`);
  const [only, other] = named;
  if (kind === undefined && other !== undefined) {
    throw refused(`paths of ${named.join(" and ")} are given; say which kind it shall be`);
  }
  if (kind !== undefined && only !== undefined && !named.includes(kind)) {
    throw refused(`the kind is ${kind}, but the path is one of ${named.join(" and ")}`);
  }
  const asked = kind ?? only;
  return asked === undefined ? undefined : { kind: asked, path: options[asked] };
}

export function languageOf(kind: Kind): Language {
  return kind === "python" ? "python" : "javascript";
}

/** Whether a slave's name for itself is a kind. */
export function isKind(text: string): text is Kind {
  return (KINDS as readonly string[]).includes(text);
}

/**
 * @returns the language of a function's name: `node:os.hostname` and `/path/module.ts:fn` are
 * JavaScript's, `pkg.mod:fn` is Python's. Undefined where the name does not tell: `a.b` may be a
 * member of a module or of a global, and both languages have the functions of econtext itself.
 */
export function languageOfName(name: string): Language | undefined {
  if (name.startsWith("econtext.") || !name.includes(":")) return undefined;
  return name.startsWith("node:") || name.startsWith("/") ? "javascript" : "python";
}

/**
 * @returns what to start when a call by this name is the first. A name that may belong to either
 * language, as `os.getpid`, is taken for Python's.
 */
export function wantsOf(name: string): Wants {
  return languageOfName(name) ?? (name.startsWith("econtext.") ? "any" : "python");
}

/** A call, as far as it tells which interpreter can do it. */
export interface Work {
  readonly name: string;
  /** Undefined where the name does not tell. */
  readonly language?: Language | undefined;
}

/** @throws {UsageError} `ERR_USAGE_LANGUAGE` if a context of that language cannot do the call */
export function checkLanguage(context: string, its: Language, { name, language }: Work): void {
  if (language === undefined || language === its) return;
  const [has, wants] = [LANGUAGE_NAMES[its], LANGUAGE_NAMES[language]];
  const where = JSON.stringify(context);
  const way = (kind: Kind) => `connect(${where}, { kind: "${kind}" })`;
  const ways = language === "python" ? way("python") : `${way("node")}, or "bun"`;
  throw new UsageError(
    "ERR_USAGE_LANGUAGE",
    `${context} is already a ${has} context, and ${name} is a ${wants} function: ` +
      `open a second connection for it: ${ways}`,
  );
}

function refused(problem: string): UsageError {
  return new UsageError("ERR_USAGE_KIND", problem);
}
