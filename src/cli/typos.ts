/** Finds options of scp and ssh in a command line. Knows no command. */

/** The option for a port of scp and ssh. */
const PORT = /^-[pP](\d+)?$/;

/**
 * Elsewhere than before the first target or before `--`, `-p` may belong to a command whose `--` is
 * missing.
 *
 * @returns the port of `-p 22`, `-P 22` or `-p22`
 */
export function portOf(rawArgs: readonly string[]): string | undefined {
  const at = rawArgs.findIndex((arg) => PORT.test(arg));
  const port = PORT.exec(rawArgs[at] ?? "")?.[1] ?? rawArgs[at + 1] ?? "";
  const isOwn = at === 0 || rawArgs.indexOf("--") > at;
  return isOwn && /^\d+$/.test(port) ? port : undefined;
}
