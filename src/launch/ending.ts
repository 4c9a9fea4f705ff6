/**
 * How a slave ended that was ready: from what its guard, its shell and its transport leave to words, and what it printed last.
 * Spec: docs/protocol.md, "Ending". Before it is ready: explain.ts.
 */
import { constants } from "node:os";
import { neutralise } from "../text.ts";
import type { Transport } from "../transports/transport.ts";
import type { Ending } from "./local-child.ts";

/** What a shell says of a child that a signal has ended; bash puts more around it. */
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

export interface LastWords {
  /** What is left of the child's stderr: the shell's, the transport's. */
  readonly stderr: string;
  /** Output of user code that the slave had not sent before it ended. */
  readonly words: string;
}

/** The guard of a Python writes what the slave printed last on its own stderr, after the marker of the stream. */
export function lastWordsOf(stderr: string, marker: string): LastWords {
  const at = stderr.indexOf(marker);
  if (at < 0) return { stderr, words: "" };
  return { stderr: stderr.slice(0, at), words: stderr.slice(at + marker.length) };
}

/** @param stderr without what user code printed @returns for an error, in parentheses; empty if nothing is known */
export function describeEnding(
  transport: Transport,
  ending: Ending | undefined,
  stderr: string,
): string {
  const said = neutralise(stderr.trim().split("\n").slice(-3).join("; "));
  return [howItEnded(transport, ending, stderr), said].filter(Boolean).join(": ");
}

function howItEnded(transport: Transport, ending: Ending | undefined, stderr: string): string {
  // A guard ends with 128 and the signal's number, as shells do: every transport passes on a status, but not every one a signal.
  const { status } = ending ?? {};
  const byNumber = status === undefined ? undefined : signalOf(status);
  if (byNumber !== undefined) return `killed by ${byNumber}, status ${status}`;
  // Whatever is told of the guard, and by ssh of what it cannot pass on: the shell over there has said what ended the slave.
  const byWord = SHELL_WORDS.find(([words]) => words.test(stderr))?.[1];
  if (byWord !== undefined) return `killed by ${byWord}`;
  if (ending?.signal !== undefined) {
    // Of a network's program, it is not what the far side died of.
    return transport.remote ? `${transport.scheme} died of ${ending.signal}` : ending.signal;
  }
  if (transport.explain(status, stderr) !== undefined) return "the connection was lost";
  return status === undefined ? "" : `status ${status}`;
}

/** The signal that a shell's status tells. */
function signalOf(status: number): string | undefined {
  return Object.entries(constants.signals).find(([, number]) => number === status - 128)?.[0];
}
