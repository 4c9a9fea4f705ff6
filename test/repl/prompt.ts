/** Opens a prompt in a terminal. */
import { ECONTEXT, FIXTURES } from "../cli/econtext.ts";
import type { Tmux } from "./tmux.ts";

/**
 * A prompt that is ready; when it ends, its status is shown.
 *
 * @param state the folder of its history
 * @param folder the folder that it is started in
 * @param before a command of the shell that starts it, such as `ulimit -n 72`
 */
export async function openPrompt(
  terminal: Tmux,
  args: readonly string[],
  state: string,
  folder: string = FIXTURES,
  before = ":",
): Promise<void> {
  const command = [...ECONTEXT, "repl", ...args].map((word) => `'${word}'`).join(" ");
  const env = `TERM=xterm-256color NO_COLOR=1 XDG_STATE_HOME='${state}'`;
  await terminal.open(`cd '${folder}'; ${before}; ${env} ${command}; echo LEFT $?; cat`);
  await terminal.until(/\n> *$/);
}

/** Leaves by ctrl-D. */
export async function leave(terminal: Tmux): Promise<void> {
  await terminal.press("C-d");
  await terminal.until(/\nLEFT 0$/);
}
