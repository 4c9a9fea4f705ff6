/** What `.help` prints at the prompt, within 80 columns. Knows no terminal. */

import { closest } from "../closest.ts";
import { neutralise } from "../index.ts";

interface DotCommand {
  readonly help?: string | undefined;
}

const ECONTEXT = `Each host is a variable, and so is local. Its functions run there:
  await web1.call(fn, ARG...)    a function of yours, typed here or imported
  await web1.$\`df -h \${dir}\`     a shell command; values are quoted
  await web1.put("app", "/srv")  copies files and folders; get() fetches them
  await all.call(fn, ARG...)     everywhere; equal results are shown together
  await all.exec("uptime")       a command everywhere
  !top                           a shell command on the current host
  import { f } from "./tasks.ts" brings functions of your files, .py too
.connect web2 opens another host. _ is the last value, _error the last error.
A line with .name( continues the input before. ctrl-C cancels what runs.
`;

/** Our words for the commands that node:repl defines. */
const OURS: Readonly<Record<string, string>> = {
  break: "Drop an unfinished input, as ctrl-C does",
  clear: "Drop an unfinished input",
  editor: "Type several lines; ctrl-D evaluates them, ctrl-C drops them",
  exit: "Leave, as ctrl-D does",
};

/** @param commands the prompt's own commands, by their names without the dot */
export function helpText(commands: Readonly<Record<string, DotCommand | undefined>>): string {
  const lines = Object.entries(commands)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, command]) => `  .${name.padEnd(9)} ${OURS[name] ?? command?.help ?? ""}`);
  return `${ECONTEXT}\n${lines.join("\n")}\n`;
}

/** @param word an unknown command, without its dot @returns the error for it */
export function noCommand(word: string, known: readonly string[]): string {
  const meant = closest(word, known);
  const advice = meant === undefined ? ".help lists them" : `did you mean .${meant}?`;
  return `no command .${neutralise(word)}; ${advice}`;
}
