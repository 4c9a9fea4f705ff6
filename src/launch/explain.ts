/** Why a child did not become a context: from how it ended to an error that says what to try. */
import { BootstrapError, type BootstrapReport } from "../errors.ts";
import { adviceFor } from "../interpreters/advice.ts";
import { CUT_SHORT, NO_INTERPRETER, NODE_FLAG, TOO_OLD } from "../interpreters/first-stage.ts";
import { isLendable, type Plan, tried } from "../interpreters/plan.ts";
import { unusable } from "../interpreters/unusable.ts";
import { neutralise } from "../text.ts";
import type { Transport } from "../transports/transport.ts";
import type { Child, Ending } from "./local-child.ts";
import type { MarkerScanner } from "./marker.ts";

export interface Circumstances {
  readonly name: string;
  readonly transport: Transport;
  readonly plan: Plan;
  readonly child: Child;
  readonly scanner: MarkerScanner;
  readonly ending: Ending;
}

/** What went wrong, in the words of an error. */
interface Cause {
  readonly code: string;
  /** How far it came. */
  readonly phase: string;
  readonly what: string;
  readonly hint: string;
  /** Of what it printed, the line that matters most. */
  readonly line?: string | undefined;
}

/** Lines of what it printed that an error shows. */
const SHOWN = 8;
/** From here on, a status is that of a signal, or ssh's own. */
const SIGNALLED = 128;

export function explainBootstrap(c: Circumstances): BootstrapError {
  const { ending, child, scanner, name } = c;
  const { old, rest } = readTooOld(child.stderr);
  const said = neutralise([scanner.noise.trim(), rest].filter(Boolean).join("\n"));
  const { code, phase, what, hint, line } = causeOf(c, old, said);
  const status = ending.status ?? ending.signal;
  const report: BootstrapReport = { argv: child.argv, phase, status, said };
  const lines = said.split("\n").slice(-SHOWN);
  if (line !== undefined && !lines.includes(neutralise(line))) lines[0] = neutralise(line);
  const heard = said === "" ? "" : `\n  it said: ${lines.join("\n           ")}`;
  return new BootstrapError(code, `${name}: ${what}${heard}\n  try: ${hint}`, report, {
    cause: ending.spawnError ?? scanner.failure,
  });
}

function causeOf(
  { ending, child, transport, scanner, plan }: Circumstances,
  old: string,
  said: string,
): Cause {
  if (ending.spawnError !== undefined) {
    return {
      code: "ERR_BOOTSTRAP_SPAWN",
      phase: "starting the program",
      what: `cannot run ${child.argv[0]}: ${ending.spawnError.message}`,
      hint: "check that it is installed and on PATH",
    };
  }
  if (scanner.failure !== undefined) {
    return {
      code: "ERR_BOOTSTRAP_NOISE",
      phase: "waiting for the marker",
      what: scanner.failure.message,
      hint: "make the login shell's profile print less when it is not interactive",
    };
  }
  const explanation = transport.explain(ending.status, child.stderr);
  if (explanation !== undefined) {
    const { code, message, hint } = explanation;
    return { code, phase: `connecting with ${transport.scheme}`, what: message, hint };
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
  if (child.stderr.includes(`bad option: ${NODE_FLAG}`)) return tooOld(plan, old);
  const failed = { code: "ERR_BOOTSTRAP_FAILED", phase: "waiting for the marker" };
  const how = `ended with ${ending.signal ?? `status ${ending.status}`} before it was ready`;
  if (ending.status !== undefined && ending.status < SIGNALLED) {
    const silence = said === "" ? ", and printed nothing" : "";
    return { ...failed, ...unusable(plan, `it ${how}${silence}`, child.stderr) };
  }
  const isClosed = ending.status === undefined && ending.signal === undefined;
  return {
    ...failed,
    what: isClosed ? "the connection was closed before it was ready" : how,
    hint: "econtext bootstrap TARGET shows what was run",
  };
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
  return {
    code: "ERR_BOOTSTRAP_TOO_OLD",
    phase: "starting the interpreter",
    what: `${old === "" ? "the interpreter" : old} is too old (tried ${tried(plan).join(", ")}; ${needed} will do)`,
    hint: `name a newer one with ${option}${lending(plan)}`,
  };
}

/** A Python that is there can start a Bun of ours. */
function lending(plan: Plan): string {
  return isLendable(plan) ? "; where there is a Python, --lend-runtime brings a Bun along" : "";
}

/** What the first stage says of each interpreter that it found and did not take. */
const TOO_OLD_LINE = /^econtext: (.+) v?(\d\S*)$/;

/** @returns the path and version of each, fit for a terminal, and what else was said */
function readTooOld(stderr: string): { readonly old: string; readonly rest: string } {
  const old: string[] = [];
  const rest = stderr.split("\n").filter((line) => {
    const [, path, version] = TOO_OLD_LINE.exec(line.trimEnd()) ?? [];
    if (path !== undefined) old.push(`${path} ${version}`);
    return path === undefined;
  });
  return { old: neutralise(old.join(", ")), rest: rest.join("\n").trim() };
}
