/**
 * Why a program that was started as an interpreter did not run the core. It may be another program,
 * a variable of the account keeps the interpreter from running the core: only its output tells.
 */
import { adviceFor } from "./advice.ts";
import { languageOfPlan, type Plan } from "./plan.ts";

export interface Unusable {
  readonly what: string;
  readonly hint: string;
  /** The line of the output that tells, if there is one. */
  readonly line?: string | undefined;
}

type Signs = readonly (readonly [line: RegExp, name: string])[];

/** As below, of variables that keep Python from starting. */
const PYTHON_SIGNS: Signs = [
  [/^Fatal Python error: .*\b(PYTHON[A-Z\d]+)\b/, ""],
  [/^Fatal Python error: init_stdio_encoding/, "PYTHONIOENCODING"],
  [/^\s*PYTHONHOME = '/, "PYTHONHOME"],
  [/^Fatal Python error: .*encodings module/, "PYTHONHOME or PYTHONPLATLIBDIR"],
];

/**
 * What Node.js prints when one of NODE_OPTIONS keeps the core from running. The first group of a
 * pattern, if it has one, is the option; else the second column names it.
 */
const NODE_SIGNS: Signs = [
  [/: (--[\w-]+)=? is not allowed in NODE_OPTIONS$/, ""],
  [/: (--[\w-]+)\S* requires /, ""],
  [/require is not defined in ES module scope/, "--input-type=module"],
  [/EvalError: Code generation from strings disallowed/, "--disallow-code-generation-from-strings"],
  [/Access to this API has been restricted/, "--permission"],
  [/internal\/preload/, "--require"],
  [/Cannot find (?:module|package) .*imported from/, "--import"],
];

/** @param how how the program ended; @param stderr all that is kept of its error output */
export function unusable(plan: Plan, how: string, stderr: string): Unusable {
  const { name, option: ours } = adviceFor(plan);
  const isPython = languageOfPlan(plan) === "python";
  const blamed = blame(stderr, isPython ? PYTHON_SIGNS : NODE_SIGNS);
  if (blamed !== undefined) {
    const { cause, line } = blamed;
    const [what, where] = isPython
      ? [`Python cannot start with ${cause}, which is set`, "the environment"]
      : [`Node.js cannot run the core with ${cause}, which is in NODE_OPTIONS`, "NODE_OPTIONS"];
    const hint = `take ${cause} out of ${where} of that account, or name a script with ${ours}`;
    return { what: `${what} there: ${how}`, hint: `${hint} that does so`, line };
  }
  return {
    what: `${plan.path ?? "what was found"} is not a usable ${name}: ${how}`,
    hint: `name one with ${ours}; econtext bootstrap TARGET shows what was run`,
  };
}

function blame(
  stderr: string,
  signs: Signs,
): { readonly cause: string; readonly line: string } | undefined {
  const lines = stderr.split("\n").map((line) => line.trimEnd());
  for (const [sign, name] of signs) {
    for (const line of lines) {
      const match = sign.exec(line);
      if (match !== null) return { cause: match[1] ?? name, line: line.trim() };
    }
  }
  return undefined;
}
