/**
 * Kinds and languages, declared once: which interpreters there are, how a user asks for one, and
 * which language a function's name belongs to. What is started for them is in plan.ts.
 */
import { type EcontextError, UsageError } from "../errors.ts";

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

/** @returns the language that a slave does not have */
export function otherThan(language: Language): Language {
  return language === "python" ? "javascript" : "python";
}

/** Codes of errors that say: the host has no interpreter that would do. */
export const LACKS_INTERPRETER: readonly string[] = [
  "ERR_BOOTSTRAP_NO_INTERPRETER",
  "ERR_BOOTSTRAP_TOO_OLD",
];

/**
 * @param lacking why no interpreter of that language could be started beside the one that runs
 * @param place how that error names the context
 * @returns the error of calls that need one
 */
export function lackingLanguage(
  context: string,
  language: Language,
  lacking: EcontextError,
  place = context,
): UsageError {
  const own = `${place}: `;
  const why = lacking.message.startsWith(own) ? lacking.message.slice(own.length) : lacking.message;
  const message = `${context}: there is no ${LANGUAGE_NAMES[language]} for this function: ${why}`;
  return new UsageError("ERR_USAGE_LANGUAGE", message, { cause: lacking });
}

/** @returns the error of a call that needs another language than that of the only interpreter */
export function otherLanguage(
  context: string,
  its: Language,
  name: string,
  language: Language,
): UsageError {
  const [has, wants] = [LANGUAGE_NAMES[its], LANGUAGE_NAMES[language]];
  return new UsageError(
    "ERR_USAGE_LANGUAGE",
    `${context}: ${name} is a ${wants} function, and this context has one interpreter only, ` +
      `for ${has}, which was named by its path: connect without the path`,
  );
}

function refused(problem: string): UsageError {
  return new UsageError("ERR_USAGE_KIND", problem);
}
