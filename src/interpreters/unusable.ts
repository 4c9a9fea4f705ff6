/**
 * Why a program that was started as an interpreter did not run the core. It may be another program,
 * or NODE_OPTIONS of the account forbid something that the core needs: only its output tells.
 */
import { adviceFor } from "./advice.ts";
import { languageOfPlan, type Plan } from "./plan.ts";

export interface Unusable {
  readonly what: string;
  readonly hint: string;
  /** The line of the output that tells, if there is one. */
  readonly line?: string | undefined;
}

/**
 * What Node.js prints when one of NODE_OPTIONS keeps the core from running. The first group of a
 * pattern, if it has one, is the option; else the second column names it.
 */
const SIGNS: readonly (readonly [line: RegExp, option: string])[] = [
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
  const blamed = languageOfPlan(plan) === "python" ? undefined : blame(stderr);
  if (blamed !== undefined) {
    const [option, line] = blamed;
    return {
      what: `Node.js cannot run the core with ${option}, which is in NODE_OPTIONS there: ${how}`,
      hint:
        `take ${option} out of NODE_OPTIONS of that account, ` +
        `or name a script with ${ours} that does so`,
      line,
    };
  }
  return {
    what: `${plan.path ?? "what was found"} is not a usable ${name}: ${how}`,
    hint: `name one with ${ours}; econtext bootstrap TARGET shows what was run`,
  };
}

function blame(stderr: string): readonly [option: string, line: string] | undefined {
  const lines = stderr.split("\n").map((line) => line.trimEnd());
  for (const [sign, option] of SIGNS) {
    for (const line of lines) {
      const match = sign.exec(line);
      if (match !== null) return [match[1] ?? option, line.trim()];
    }
  }
  return undefined;
}
