/** The user's terminal, given to a remote command: every key and every byte goes through. */
import type { ExecOptions } from "../../index.ts";
import type { Host } from "../host.ts";
import { Usage } from "../report-error.ts";

/** @throws {Usage} if input and output of the host are not a terminal */
export function ownTerminal(
  command: string,
  { terminal, env }: Host,
): NonNullable<ExecOptions["tty"]> {
  if (terminal === undefined) {
    throw new Usage(command, "-t needs a terminal: standard input and output are not one");
  }
  const { TERM: term = "xterm-256color" } = env;
  return { term, ...terminal.size(), modes: terminal.modes() };
}

/**
 * Makes keys bytes instead of signals.
 *
 * @returns what gives the terminal back; a signal that ends the process at once gives it back too
 */
export function makeRaw({ terminal, ending }: Host): () => void {
  const giveBack = (): void => terminal?.setRaw(false);
  const forget = ending.before(giveBack);
  terminal?.setRaw(true);
  return () => {
    forget();
    giveBack();
  };
}
