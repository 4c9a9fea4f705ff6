/** Questions of the process that keeps connections, put to the person at this terminal. */
import { CancelledError } from "../../index.ts";
import { atExit } from "../../io/at-exit.ts";
import { TerminalSource } from "../../prompts/terminal.ts";
import type { Host } from "../host.ts";

/** The first byte of an answer. */
export const ANSWER = { none: 0, given: 1, cancelled: 2 } as const;

let terminal: TerminalSource | undefined;

/** @returns the frame of the answer, which the caller overwrites */
export async function ask(
  question: { readonly prompt: string; readonly isVisible: boolean },
  host: Host,
): Promise<Uint8Array> {
  terminal ??= new TerminalSource({
    atEnd: (restore) => {
      const forget = host.ending.before(restore);
      const callOff = atExit(restore);
      return () => {
        forget();
        callOff();
      };
    },
  });
  try {
    const secret = await terminal.read({ ...question, signal: new AbortController().signal });
    if (secret === undefined) return Uint8Array.of(ANSWER.none);
    const line = secret.line();
    secret.wipe();
    const answer = new Uint8Array(line.length);
    answer[0] = ANSWER.given;
    answer.set(line.subarray(0, -1), 1);
    line.fill(0);
    return answer;
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
    return Uint8Array.of(ANSWER.cancelled);
  }
}

export function notice(text: string): void {
  (terminal ?? new TerminalSource()).notice(text);
}
