/**
 * Questions of the process that keeps connections, put to the person at this terminal. Twin:
 * client-person.ts.
 */
import { CancelledError } from "../../index.ts";
import { atExit } from "../../io/at-exit.ts";
import { TerminalSource } from "../../prompts/terminal.ts";
import type { Host } from "../host.ts";
import { ANSWER, answerOf } from "./answer.ts";

export interface Asked {
  readonly number: number;
  readonly prompt: string;
  readonly isVisible: boolean;
}

let terminal: TerminalSource | undefined;
/** By the numbers of the questions; also of one that is withdrawn before it is asked. */
const withdrawals = new Map<number, AbortController>();
/** Questions that are not over, by their numbers: the first stands at the terminal. */
const asking = new Map<number, Promise<Uint8Array>>();

/** @returns the frame of the answer, which the caller overwrites */
export function ask(asked: Asked, host: Promise<Host>): Promise<Uint8Array> {
  const answer = answerTo(asked, host).finally(() => {
    withdrawals.delete(asked.number);
    asking.delete(asked.number);
  });
  asking.set(asked.number, answer);
  return answer;
}

/** Ends a question. Resolves when it stands at the terminal no more: at once if it never did. */
export async function withdraw(number: number): Promise<void> {
  withdrawalOf(number).abort();
  const [shown] = asking.keys();
  // One behind it settles only in its turn: that may take as long as the person takes.
  if (number === shown) await asking.get(number)?.catch(() => {});
}

export function notice(text: string): void {
  (terminal ?? new TerminalSource()).notice(text);
}

function withdrawalOf(number: number): AbortController {
  const known = withdrawals.get(number) ?? new AbortController();
  withdrawals.set(number, known);
  return known;
}

async function answerTo(
  { number, prompt, isVisible }: Asked,
  loading: Promise<Host>,
): Promise<Uint8Array> {
  const { signal } = withdrawalOf(number);
  const { ending } = await loading;
  terminal ??= new TerminalSource({
    atEnd: (restore) => {
      const forget = ending.before(restore);
      const callOff = atExit(restore);
      return () => {
        forget();
        callOff();
      };
    },
  });
  try {
    const secret = await terminal.read({ prompt, isVisible, signal });
    if (secret === undefined) return answerOf(number, ANSWER.none);
    const line = secret.line();
    secret.wipe();
    const answer = answerOf(number, ANSWER.given, line.subarray(0, -1));
    line.fill(0);
    return answer;
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
    return answerOf(number, ANSWER.cancelled);
  }
}
