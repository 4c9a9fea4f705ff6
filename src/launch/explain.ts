/**
 * Why a child did not become a slave: from how the child ended to an error that says what to try.
 */
import { BootstrapError, type BootstrapReport, TimeoutError } from "../errors.ts";
import { adviceFor } from "../interpreters/advice.ts";
import { CUT_SHORT, NO_INTERPRETER, NODE_FLAG, TOO_OLD } from "../interpreters/first-stage.ts";
import { isLendable, type Plan, tried } from "../interpreters/plan.ts";
import { unusable } from "../interpreters/unusable.ts";
import { neutralise } from "../text.ts";
import { QUESTION_TEXT } from "../transports/announced.ts";
import type { Transport } from "../transports/transport.ts";
import type { Ending } from "./child.ts";
import { failureOf, mayBeAnother } from "./failed-transport.ts";
import type { Launched } from "./launcher.ts";

export interface Circumstances {
  /** How the error names the context. */
  readonly place: string;
  readonly transport: Transport;
  readonly plan: Plan;
  readonly launched: Launched;
  readonly ending: Ending;
}

/** What went wrong, in the words of an error. */
interface Cause {
  readonly code: string;
  /** How far the child came. */
  readonly phase: string;
  readonly what: string;
  readonly hint: string;
  /** The lines of its output that matter. Absent: all. */
  readonly said?: string | undefined;
  /** The line of its output that matters most. */
  readonly line?: string | undefined;
}

/** The lines in which a program lists its options: they push its reason out of sight. */
const USAGE = /^(usage: \S+).*(?:\n[ \t]+\S.*)+/gim;
/** Lines of its output that an error shows. */
const SHOWN = 8;
/** Characters of each line that it shows. */
const SHOWN_LINE = 300;
/** Characters of its output that the error of a deadline shows. */
const SHOWN_SILENT = 500;
const OWN =
  "look at the account's shell, at ForceCommand of sshd, and at command= of the key; " +
  "econtext bootstrap TARGET shows what was to be run";
/** From this number on, a status stands for a signal, or is ssh's own. */
const SIGNALLED = 128;

export function explainBootstrap(c: Circumstances): BootstrapError {
  const { ending, launched, place } = c;
  // What comes by a terminal has both characters at the end of a line.
  const stderr = launched.stderr.replaceAll("\r\n", "\n").replaceAll(QUESTION_TEXT, "");
  const { old, rest } = readTooOld(stderr);
  const all = [launched.noise.trim(), rest].filter(Boolean).join("\n");
  const said = neutralise(all.replace(USAGE, "$1 …"));
  const { code, phase, what, hint, said: quoted = said, line } = causeOf(c, old, said);
  const status = ending.status ?? ending.signal;
  const report: BootstrapReport = { argv: launched.argv, phase, status, said };
  const lines = quoted.split("\n").slice(-SHOWN).map(shortened);
  const shown = line === undefined ? undefined : shortened(neutralise(line));
  if (shown !== undefined && !lines.includes(shown)) lines[0] = shown;
  const heard = quoted === "" ? "" : `\n  it said: ${lines.join("\n           ")}`;
  return new BootstrapError(code, `${place}: ${what}${heard}\n  try: ${hint}`, report, {
    cause: ending.spawnError ?? launched.failure,
  });
}

/**
 * The child has not become a slave within `ms` milliseconds.
 *
 * @param context its path; `place` is how the error names it
 */
export function explainSilence(
  { place, context }: { readonly place: string; readonly context: string },
  ms: number,
  { noise, stderr }: Launched,
): TimeoutError {
  const said = neutralise(`${noise}\n${stderr.replaceAll(QUESTION_TEXT, "")}`.trim());
  const heard = said === "" ? "it said nothing" : `it said: ${said.slice(-SHOWN_SILENT)}`;
  // A path with other characters would need a shell's quotes.
  const target = /^[\w@./:%+-]+$/.test(context) ? context : "TARGET";
  const hint = `try: econtext doctor ${target}, which tests each stage`;
  const message = `${place}: no answer within ${ms} ms; ${heard}\n  ${hint}`;
  return new TimeoutError("ERR_DEADLINE_CONNECT", message);
}

/** A binary file has lines without end. */
function shortened(line: string): string {
  return line.length <= SHOWN_LINE ? line : `${line.slice(0, SHOWN_LINE)} …`;
}

/**
 * @param old interpreters that are too old; @param said all that the child printed, for a person
 */
function causeOf(
  { ending, launched, transport, plan }: Circumstances,
  old: string,
  said: string,
): Cause {
  if (ending.spawnError !== undefined) {
    return {
      code: "ERR_BOOTSTRAP_SPAWN",
      phase: "starting the program",
      what: `cannot run ${launched.argv[0]}: ${neutralise(ending.spawnError.message)}`,
      hint: hintOf(ending.spawnError.message),
    };
  }
  if (launched.failure !== undefined) {
    return {
      code: "ERR_BOOTSTRAP_NOISE",
      phase: "waiting for the marker",
      what: launched.failure.message,
      hint: "make the login shell's profile print less when it is not interactive",
    };
  }
  const explanation =
    transport.explain(ending.status, launched.stderr, launched.noise) ??
    failureOf(transport, { plan, launched, status: ending.status, isSilent: said === "" });
  if (explanation !== undefined) {
    const { code, message: what, hint, said: quoted } = explanation;
    const matters = quoted === undefined ? undefined : neutralise(quoted);
    return { code, phase: `connecting with ${transport.scheme}`, what, hint, said: matters };
  }
  switch (ending.status) {
    case NO_INTERPRETER:
    case 126:
    case 127:
      return noInterpreter(plan);
    case TOO_OLD:
      return tooOld(plan, old);
    case CUT_SHORT:
      return {
        code: "ERR_BOOTSTRAP_CUT",
        phase: "sending the core",
        what: "the connection ended before the core had arrived",
        hint: "try again; if it stays so, something between reads standard input",
      };
  }
  if (launched.stderr.includes(`bad option: ${NODE_FLAG}`)) return tooOld(plan, old);
  const failed = { code: "ERR_BOOTSTRAP_FAILED", phase: "waiting for the marker" };
  const how = `ended with ${ending.signal ?? `status ${ending.status}`} before it was ready`;
  if (ending.status !== undefined && ending.status < SIGNALLED) {
    const silence = said === "" ? ", and printed nothing" : "";
    return { ...failed, ...notOurs({ transport, plan, launched }, `it ${how}${silence}`) };
  }
  const isClosed = ending.status === undefined && ending.signal === undefined;
  return {
    ...failed,
    what: isClosed ? "the connection was closed before it was ready" : how,
    hint: "econtext bootstrap TARGET shows what was run",
  };
}

/** @param how how what was run instead of the core ended */
function notOurs(
  { transport, plan, launched }: Pick<Circumstances, "transport" | "plan" | "launched">,
  how: string,
): Pick<Cause, "what" | "hint" | "line"> {
  if (!mayBeAnother(transport, { plan, launched })) return unusable(plan, how, launched.stderr);
  return { what: `the server seems to run a command of its own: ${how}`, hint: OWN };
}

/** What helps when a program could not be started: the machine may lack it, or room for it. */
function hintOf(problem: string): string {
  if (/\b(?:EMFILE|ENFILE)\b/.test(problem)) {
    return "close some contexts or files there, or raise the limit of open files (ulimit -n)";
  }
  if (/\b(?:ENOMEM|EAGAIN)\b/.test(problem)) {
    return "end some processes there, or raise the limits of memory and processes (ulimit -a)";
  }
  return "check that it is installed and on PATH";
}

function noInterpreter(plan: Plan): Cause {
  const { install, option } = adviceFor(plan);
  return {
    code: "ERR_BOOTSTRAP_NO_INTERPRETER",
    phase: "finding an interpreter",
    what: `no interpreter found (tried ${tried(plan).join(", ")})`,
    hint: `install ${install}, or name one with ${option}${lending(plan)}`,
  };
}

function tooOld(plan: Plan, old: string): Cause {
  const { needed, option } = adviceFor(plan);
  const found = old === "" ? "the interpreter" : old;
  return {
    code: "ERR_BOOTSTRAP_TOO_OLD",
    phase: "starting the interpreter",
    what: `${found} is too old (tried ${tried(plan).join(", ")}; ${needed} will do)`,
    hint: `name a newer one with ${option}${lending(plan)}`,
  };
}

/** A hint for work in JavaScript: a Python on the target could start a lent Bun. */
function lending(plan: Plan): string {
  return isLendable(plan) ? "; where there is a Python, --lend-runtime brings a Bun along" : "";
}

/** The line that the first stage prints for each interpreter that is too old. */
const TOO_OLD_LINE = /^econtext: (.+) v?(\d\S*)$/;

/** @returns path and version of the interpreters that are too old, and the rest of the output */
function readTooOld(stderr: string): { readonly old: string; readonly rest: string } {
  const old: string[] = [];
  const rest = stderr.split("\n").filter((line) => {
    const [, path, version] = TOO_OLD_LINE.exec(line.trimEnd()) ?? [];
    if (path !== undefined) old.push(`${path} ${version}`);
    return path === undefined;
  });
  return { old: neutralise(old.join(", ")), rest: rest.join("\n").trim() };
}
