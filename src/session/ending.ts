/**
 * Why a slave ended that was ready: from what its guard, its shell and its transport leave, to
 * words; and what the slave printed last. Spec: docs/protocol.md, "Ending". Why a child never
 * became a slave is in launch/explain.ts.
 */
import { constants } from "node:os";
import { DisconnectError } from "../errors.ts";
import type { Ending } from "../launch/child.ts";
import type { Launched } from "../launch/launcher.ts";
import { neutralise } from "../text.ts";
import type { Transport } from "../transports/transport.ts";

/** How long callers wait for the end of a process whose pipe has closed. */
const PATIENCE_MS = 2000;

/** What a shell prints about a child that a signal has ended; bash puts more around it. */
const SHELL_WORDS: readonly (readonly [RegExp, string])[] = [
  [/\bSegmentation fault\b/, "SIGSEGV"],
  [/\bAborted\b/, "SIGABRT"],
  [/\bKilled\b(?! by)/, "SIGKILL"],
  [/\bBus error\b/, "SIGBUS"],
  [/\bIllegal instruction\b/, "SIGILL"],
  [/\bFloating point exception\b/, "SIGFPE"],
  [/\btrap\b/, "SIGTRAP"],
  [/\bBad system call\b/, "SIGSYS"],
  [/\bTerminated\b/, "SIGTERM"],
];

export interface Loss {
  readonly error: DisconnectError;
  /** Output of user code that the slave had not sent before it ended. */
  readonly printed: string;
}

/**
 * A slave's link was closed by the other end. @returns the error for all that wait for the slave
 */
export async function explainLoss(
  { name, transport }: { readonly name: string; readonly transport: Transport },
  launched: Launched,
): Promise<Loss> {
  // The process mostly ends right after its pipe has closed, and its status says more.
  const ending = await Promise.race([
    launched.ended,
    new Promise<undefined>((resolve) => setTimeout(resolve, PATIENCE_MS, undefined).unref()),
  ]);
  const { stderr, printed } = splitOutput(launched.stderr, launched.marker);
  const details = describeEnding(transport, ending, stderr);
  const what = `${name}: the far side ended${details === "" ? "" : ` (${details})`}`;
  const message = `${what}\n  try: ${hintFor(name, details)}`;
  return { error: new DisconnectError("ERR_DISCONNECT_LOST", message), printed };
}

/**
 * The guard writes the slave's last output on its own error output: in Python after the marker, in
 * JavaScript after the line in which the shell says how the slave ended. What comes before is the
 * shell's, or the transport's. A shell that says nothing leaves all of it to the error.
 */
function splitOutput(
  stderr: string,
  marker: string,
): { readonly stderr: string; readonly printed: string } {
  const marked = stderr.indexOf(marker);
  const at = marked < 0 ? afterShellWords(stderr) : marked + marker.length;
  return { stderr: stderr.slice(0, marked < 0 ? at : marked), printed: stderr.slice(at) };
}

/** @returns the position after the first line of a shell about a signal; without one, the end */
function afterShellWords(stderr: string): number {
  let at = 0;
  for (const line of stderr.split("\n")) {
    at += line.length + 1;
    if (SHELL_WORDS.some(([words]) => words.test(line))) return at;
  }
  return stderr.length;
}

/**
 * @param stderr without what user code printed
 * @returns words for an error; empty if nothing is known
 */
function describeEnding(transport: Transport, ending: Ending | undefined, stderr: string): string {
  const said = neutralise(stderr.trim().split("\n").slice(-3).join("; "));
  return [howItEnded(transport, ending, stderr), said].filter(Boolean).join(": ");
}

function howItEnded(transport: Transport, ending: Ending | undefined, stderr: string): string {
  // A guard ends with 128 and the signal's number, as shells do. Every transport passes on a
  // status, but not every transport passes on a signal.
  const { status } = ending ?? {};
  const byNumber = status === undefined ? undefined : signalOf(status);
  if (byNumber !== undefined) return `killed by ${byNumber}, status ${status}`;
  // ssh does not pass on the signal that ended a guard, but the shell there has printed its name.
  const byWord = SHELL_WORDS.find(([words]) => words.test(stderr))?.[1];
  if (byWord !== undefined) return `killed by ${byWord}`;
  if (ending?.signal !== undefined) {
    // The program that leads to the target was killed, and the slave ended for that.
    return transport.isClient ? `${transport.scheme} died of ${ending.signal}` : ending.signal;
  }
  if (transport.explain(status, stderr) !== undefined) return "the connection was lost";
  return status === undefined ? "" : `status ${status}`;
}

/** By how the slave ended: what to do next. The first that matches counts. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [/^the connection was lost| died of /, "connect again; if it is lost often, see why with ssh -v"],
  [
    /^killed by SIGKILL|^SIGKILL/,
    "see in dmesg there whether the memory was used up; connect again",
  ],
  [/^(?:killed by )?SIG(?:TERM|HUP|INT)\b/, "see what ends processes there; connect again"],
  [
    /^(?:killed by )?SIG/,
    "the interpreter crashed ({signal}): see what was printed last, and its native code",
  ],
  [/^status /, "see whether the called code ends its process (os._exit, abort); connect again"],
];

function hintFor(name: string, details: string): string {
  const known = HINTS.find(([words]) => words.test(details))?.[1];
  const [signal = ""] = /SIG\w+/.exec(details) ?? [];
  return (
    known?.replace("{signal}", signal) ??
    `connect again; econtext doctor ${name} tests the connection`
  );
}

/** @returns the name of the signal that a shell's status stands for */
function signalOf(status: number): string | undefined {
  return Object.entries(constants.signals).find(([, number]) => number === status - 128)?.[0];
}
