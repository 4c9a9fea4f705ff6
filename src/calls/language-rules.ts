/**
 * What calls have to know about the language of a slave: which modules of the second tier a call
 * needs there, and how that language ends functions and processes.
 */
import type { Language } from "../interpreters/kind.ts";
import type { CallLimits } from "./options.ts";

interface LanguageRules {
  /** Second-tier modules of a call that has a deadline or a signal. */
  readonly limited: readonly string[];
  /** Second-tier modules of a function of the user's that is given a sender. */
  readonly sending: readonly string[];
  /** Second-tier modules of a call whose function gets the slave's own context. */
  readonly withContext: readonly string[];
  /** The second-tier module for large calls; undefined if the core is good at them. */
  readonly large: string | undefined;
  /** Whether an interrupted function stops. Otherwise it goes on, and closes its own senders. */
  readonly stopsFunctions: boolean;
  /** Whether calls run one after another, so that the call that came last is the last to end. */
  readonly runsInOrder: boolean;
  /** The call that runs the handlers of user code for the interpreter's end: cores skip them. */
  readonly atExit: readonly unknown[];
  /** Whether a call with these limits can tell the slave that no other call follows. */
  readonly hearsLast: (limits: CallLimits) => boolean;
}

export const LANGUAGE_RULES: Readonly<Record<Language, LanguageRules>> = {
  python: {
    limited: ["interruption"],
    sending: ["channels", "value_encode"],
    withContext: ["external", "interruption"],
    large: "large_messages",
    stopsFunctions: true,
    runsInOrder: true,
    atExit: ["atexit._run_exitfuncs", []],
    hearsLast: () => false,
  },
  javascript: {
    limited: ["external"],
    sending: ["channels"],
    withContext: ["external"],
    large: undefined,
    stopsFunctions: false,
    runsInOrder: false,
    atExit: ["process.emit", ["exit", 0]],
    // A deadline is the worker's, which the last call need not start.
    hearsLast: ({ deadline }) => deadline === undefined,
  },
};

/** What one call uses, whatever the language. */
export interface CallUses {
  /** Second-tier modules that the called function is in. */
  readonly tier: readonly string[];
  /** Whether its arguments hold values that JSON has no type for. */
  readonly values: boolean;
  /** Whether senders or generators take part. */
  readonly channels: boolean;
  /** Whether the function is sent as text. */
  readonly importer: boolean;
  readonly isLimited: boolean;
  readonly withContext: boolean;
}

/** @returns the second-tier modules that the slave needs before the call */
export function tierNeeds(language: Language, uses: CallUses): readonly string[] {
  if (isSimple(uses)) return uses.tier;
  const rules = LANGUAGE_RULES[language];
  const needs = [...uses.tier];
  if (uses.values) needs.push("values");
  // Functions of econtext's own send bytes, which need no encoder.
  if (uses.channels) needs.push(...(uses.tier.length === 0 ? rules.sending : ["channels"]));
  if (uses.withContext) needs.push(...rules.withContext);
  else if (uses.isLimited) needs.push(...rules.limited);
  if (uses.importer) needs.push("importer");
  return needs;
}

/** Whether a call needs the module of its function alone: most calls do. */
function isSimple({ values, channels, importer, isLimited, withContext }: CallUses): boolean {
  return !(values || channels || importer || isLimited || withContext);
}
