/** A command line of the ssh client, as the transport `ssh` makes it. */

export interface SshCommandLine {
  /** All that stands before `--`. */
  readonly options: readonly string[];
  /** As the user wrote it: `web1`, `ada@web1`, `ssh://ada@web1:2222`. */
  readonly destination: string;
  /** The command for the login shell of the server. */
  readonly command: string;
}

/** @param argv the program, options, `--`, the destination, the command in one word */
export function readCommandLine(argv: readonly string[]): SshCommandLine {
  const [destination = "", command = ""] = argv.slice(-2);
  return { options: argv.slice(1, -3), destination, command };
}

/** @returns the options of `-F`, which a client also gives to the clients of its jump hosts */
export function configurationFile(options: readonly string[]): readonly string[] {
  const at = options.findIndex((option) => option.startsWith("-F"));
  if (at < 0) return [];
  return options.slice(at, options[at] === "-F" ? at + 2 : at + 1);
}
