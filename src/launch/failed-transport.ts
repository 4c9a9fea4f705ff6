/**
 * Whether a child failed because its transport's program did, where that program's messages do not
 * tell. A first stage that did not begin must not be blamed: nothing is wrong with an interpreter.
 */
import { basename } from "node:path";
import { CUT_SHORT, NO_INTERPRETER, TOO_OLD } from "../interpreters/first-stage.ts";
import type { Plan } from "../interpreters/plan.ts";
import { unusable } from "../interpreters/unusable.ts";
import type { Explanation, Transport } from "../transports/transport.ts";
import type { Launched } from "./launcher.ts";

export interface Failed {
  readonly plan: Plan;
  readonly launched: Pick<Launched, "argv" | "stderr" | "isHeld">;
  readonly status: number | undefined;
  /** Whether the child printed nothing. */
  readonly isSilent: boolean;
}

/** Statuses of the first stage itself. */
const FIRST_STAGE: readonly (number | undefined)[] = [NO_INTERPRETER, TOO_OLD, CUT_SHORT];
/** The first stage is started by a shell, so that a shell's message may be its own. */
const SHELLS: readonly string[] = ["sh", "bash", "dash", "env"];
/** What the first stage's interpreter prints when it cannot run. */
const INTERPRETER =
  /^(?:Fatal Python error|Could not find platform )|^ *File "<string>", line |: bad option: /m;
/** An interpreter that the shell or the system cannot start. */
const NOT_STARTED = /(?:^|[ /])(python[\d.]*|node|bun): /m;

/** @returns the transport's failure; undefined if the first stage had begun */
export function failureOf(transport: Transport, failed: Failed): Explanation | undefined {
  const { failed: general } = transport;
  const { status, plan, isSilent } = failed;
  if (general === undefined || status === undefined || FIRST_STAGE.includes(status)) {
    return undefined;
  }
  if (!isOfTransport(transport, failed)) return undefined;
  const how = isSilent ? `: it ended with status ${status}, and printed nothing` : "";
  const also = plan.path === undefined ? "" : `, and check ${plan.path}`;
  return { ...general, message: `${general.message}${how}`, hint: `${general.hint}${also}` };
}

/** @returns whether a server may have run a command of its own: no interpreter is blamed then */
export function mayBeAnother(
  { mayRunAnother }: Transport,
  { plan, launched }: Pick<Failed, "plan" | "launched">,
): boolean {
  const { stderr, argv } = launched;
  // An interpreter that was named is asked about first.
  if (mayRunAnother !== true || plan.path !== undefined) return false;
  return !isOfInterpreter(plan, basename(argv[0] ?? ""), stderr);
}

function isOfTransport(transport: Transport, { plan, launched }: Failed): boolean {
  const { stderr, argv, isHeld } = launched;
  // The command begins with a line of its own.
  if (transport.password !== undefined) return isHeld;
  const program = basename(argv[0] ?? "");
  if (isOfInterpreter(plan, program, stderr)) return false;
  if (transport.isCustom === true) return true;
  const names = [program, transport.scheme];
  const isProgram = (name: string): boolean => names.includes(name) && !SHELLS.includes(name);
  return [...stderr.matchAll(/^(\S+): /gm)].some(([, name = ""]) => isProgram(basename(name)));
}

/** @param program of the transport, which may be an interpreter itself */
function isOfInterpreter(plan: Plan, program: string, stderr: string): boolean {
  if (plan.path !== undefined && stderr.includes(plan.path)) return true;
  if (unusable(plan, "", stderr).line !== undefined || INTERPRETER.test(stderr)) return true;
  const [, interpreter] = NOT_STARTED.exec(stderr) ?? [];
  return interpreter !== undefined && interpreter !== program;
}
