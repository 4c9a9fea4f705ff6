/** Our terminal, lent to a command elsewhere: every key is the command's, and what it prints is shown as it is. */
import type { ExecOptions } from "../../index.ts";
import { beforeDying } from "../interruption.ts";
import { Usage } from "../report-error.ts";
import { terminalModes } from "./terminal-modes.ts";

/** @throws {Usage} when we have none */
export function ownTerminal(command: string): NonNullable<ExecOptions["tty"]> {
  const { isTTY, columns, rows } = process.stdout;
  if (process.stdin.isTTY !== true || !isTTY) {
    throw new Usage(command, "-t needs a terminal: standard input and output are not one");
  }
  const { TERM: term = "xterm-256color" } = process.env;
  return { term, columns, rows, modes: terminalModes(0) };
}

/** Keys are no signals any more. @returns what gives it back; so does a signal that ends us at once */
export function makeRaw(): () => void {
  const giveBack = (): void => {
    process.stdin.setRawMode(false);
  };
  const forget = beforeDying(giveBack);
  process.stdin.setRawMode(true);
  return () => {
    forget();
    giveBack();
  };
}
