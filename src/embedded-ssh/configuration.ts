/**
 * Asks `ssh -G` for the configuration of a destination. It applies `Host`, `Match`, `Include` and
 * the command line exactly as ssh does, and starts no connection. It prints a line for each value:
 * the option's name in lower case, a space, the value.
 */

import { orAborted } from "../io/abort.ts";
import { Turns } from "../io/turns.ts";

/** The values of each option, by its name in lower case. */
export type SshConfiguration = Pick<
  ReadonlyMap<string, readonly string[]>,
  "get" | typeof Symbol.iterator
>;

export interface Configured {
  readonly configuration: SshConfiguration;
  /** Warnings of ssh, to be shown. */
  readonly warnings: string;
}

/** The configuration cannot be used. The message is ssh's own. */
class ConfigurationProblem extends Error {}

/** Names of options before OpenSSH 8.5 and 8.7, and after. */
const FORMER_NAMES = [
  ["pubkeyacceptedkeytypes", "pubkeyacceptedalgorithms"],
  ["hostbasedkeytypes", "hostbasedacceptedalgorithms"],
  ["challengeresponseauthentication", "kbdinteractiveauthentication"],
] as const;
/** Processes of `ssh -G` at a time. */
const turns = new Turns(8);
let usual: Promise<SshConfiguration> | undefined;

/**
 * @param options of ssh's command line
 * @param signal ends the client: a command of `Match exec` may take long
 * @throws {ConfigurationProblem}
 * @throws the reason of the signal
 */
export async function configurationOf(
  options: readonly string[],
  destination: string,
  signal = new AbortController().signal,
): Promise<Configured> {
  const words = [...options, "--", destination];
  // A command of `Match exec` that outlives the client may hold its error output open.
  const { status, stdout, stderr } = await turns.run(() => {
    signal.throwIfAborted();
    return orAborted(ask(words, signal), signal);
  });
  if (status !== 0) throw new ConfigurationProblem(stderr.trim());
  return { configuration: parseConfiguration(stdout, destination), warnings: stderr };
}

/** @returns the values that ssh takes without a file and without options */
export function usualConfiguration(): Promise<SshConfiguration> {
  usual ??= configurationOf(["-T", "-F", "none"], "localhost").then(
    ({ configuration }) => configuration,
    (error) => {
      usual = undefined; // the next host may find a process to spare
      throw error;
    },
  );
  return usual;
}

/** @param text as `ssh -G` prints it for the destination */
export function parseConfiguration(text: string, destination: string): SshConfiguration {
  const configuration = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const at = line.indexOf(" ");
    const [name, value] = at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
    // OpenSSH writes a few of the names with capitals.
    const key = name.toLowerCase();
    const values = configuration.get(key);
    if (values === undefined) configuration.set(key, [value]);
    else values.push(value);
  }
  configuration.delete("");
  modernize(configuration, destination);
  return configuration;
}

/** Makes the output of OpenSSH 8.4 what that of later versions is. */
function modernize(configuration: Map<string, string[]>, destination: string): void {
  for (const [before, now] of FORMER_NAMES) {
    const values = configuration.get(before);
    if (values === undefined) continue;
    configuration.delete(before);
    // `ChallengeResponseAuthentication no` is printed beside the option that it switches off.
    if (!configuration.has(now) || values[0] === "no") configuration.set(now, values);
  }
  if (!configuration.has("host")) configuration.set("host", [nameOf(destination)]);
}

/** @returns the host of a destination, as it was written */
function nameOf(destination: string): string {
  const [, own, name] = /^ssh:\/\/(?:[^@]*@)?(?:\[([^\]]*)\]|([^:/]*))/.exec(destination) ?? [];
  return own ?? name ?? destination.slice(destination.lastIndexOf("@") + 1);
}

async function ask(words: readonly string[], signal: AbortSignal) {
  try {
    const child = Bun.spawn(["ssh", "-G", ...words], {
      stdio: ["ignore", "pipe", "pipe"],
      env: process.env,
      signal,
    });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { status: await child.exited, stdout, stderr };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { status: 255, stdout: "", stderr: `cannot run ssh -G: ${why}` };
  }
}
