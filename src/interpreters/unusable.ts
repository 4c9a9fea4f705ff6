/**
 * Why a program that was started as an interpreter did not run the core: it is no interpreter, or NODE_OPTIONS of the account forbid
 * something that the core needs. Only the program's output tells which.
 */
import type { Plan } from "./first-stage.ts";

export interface Unusable {
  readonly what: string;
  readonly hint: string;
  /** The line that tells, where one does. */
  readonly line?: string | undefined;
}

const NAMES = {
  python: "Python",
  node: "Node.js",
  bun: "Bun",
  javascript: "Bun or Node.js",
  any: "Python, Bun or Node.js",
} as const;
const OPTIONS = {
  python: "--python PATH",
  node: "--node PATH",
  bun: "--bun PATH",
  javascript: "--bun PATH or --node PATH",
  any: "--python PATH, --bun PATH or --node PATH",
} as const;

/** What Node.js prints when one of NODE_OPTIONS is in the way of the core. The first group, where there is one, is the option. */
const SIGNS: readonly (readonly [line: RegExp, option: string])[] = [
  [/: (--[\w-]+)=? is not allowed in NODE_OPTIONS$/, ""],
  [/: (--[\w-]+)\S* requires /, ""],
  [/require is not defined in ES module scope/, "--input-type=module"],
  [/EvalError: Code generation from strings disallowed/, "--disallow-code-generation-from-strings"],
  [/Access to this API has been restricted/, "--permission"],
  [/internal\/preload/, "--require"],
  [/Cannot find (?:module|package) .*imported from/, "--import"],
];

/** @param how how it ended; @param stderr all that is kept of what it printed there */
export function unusable(plan: Plan, how: string, stderr: string): Unusable {
  const kind = plan.kind ?? plan.wants;
  const blamed = kind === "python" ? undefined : blame(stderr);
  if (blamed !== undefined) {
    const [option, line] = blamed;
    return {
      what: `Node.js cannot run the core with ${option}, which is in NODE_OPTIONS there: ${how}`,
      hint: `take ${option} out of NODE_OPTIONS of that account, or name a script with ${OPTIONS[kind]} that does so`,
      line,
    };
  }
  return {
    what: `${plan.path ?? "what was found"} is not a usable ${NAMES[kind]}: ${how}`,
    hint: `name one with ${OPTIONS[kind]}; econtext bootstrap TARGET shows what was run`,
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
