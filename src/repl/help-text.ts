/** What `.help` prints at the prompt. Knows no terminal. */

interface DotCommand {
  readonly help?: string | undefined;
}

const ECONTEXT = `Each host is a variable. Its functions run there, and are awaited:
  await web1.call(fn, ARG...)    a function of yours, typed here or imported
  await web1.$\`df -h \${dir}\`     a shell command; values are quoted
  await web1.put("app", "/srv")  copies files and folders; get() fetches them
  import { f } from "./tasks.ts" brings functions of your files, .py too
connect("web2") opens another host. ctrl-C cancels what runs, here and there.
`;

/** @param commands the prompt's own commands, by their names without the dot */
export function helpText(commands: Readonly<Record<string, DotCommand | undefined>>): string {
  const lines = Object.entries(commands).map(
    ([name, command]) => `  .${name.padEnd(9)} ${command?.help ?? ""}`,
  );
  return `${ECONTEXT}\n${lines.join("\n")}\n`;
}
