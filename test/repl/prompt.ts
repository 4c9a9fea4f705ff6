/** Opens a prompt in a terminal. */
import { ECONTEXT, FIXTURES } from "../cli/econtext.ts";
import type { Tmux } from "./tmux.ts";

/**
 * A prompt that is ready; when it ends, its status is shown.
 *
 * @param state the folder of its history
 * @param folder the folder that it is started in
 */
export async function openPrompt(
  terminal: Tmux,
  args: readonly string[],
  state: string,
  folder: string = FIXTURES,
): Promise<void> {
  const command = [...ECONTEXT, "repl", ...args].map((word) => `'${word}'`).join(" ");
  const env = `TERM=xterm-256color NO_COLOR=1 XDG_STATE_HOME='${state}'`;
  await terminal.open(`cd '${folder}'; ${env} ${command}; echo LEFT $?; cat`);
  await terminal.until(/\n> *$/);
}
