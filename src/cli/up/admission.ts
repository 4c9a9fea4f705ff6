/**
 * Whether this process can run a command for another one, so that there is no difference but time:
 * all that the command needs of a connection is kept, and was opened as the command would open it.
 */
import { readlinkSync } from "node:fs";
import type { SshOptions } from "../../index.ts";
import { type PathStep, parsePath } from "../../tree/target-path.ts";
import { type Greeting, ownGroups } from "../../up/greeting.ts";
import type { Keeper } from "../../up/keeper.ts";
import type { KeptNeeds } from "../command-definition.ts";
import { readLine } from "../command-definition.ts";
import { readConfiguration, shareConfiguration } from "../configuration.ts";
import { COMMANDS } from "../dispatch.ts";
import type { Host } from "../host.ts";
import { givenPasswordOptions, readSsh } from "../option-values.ts";
import type { Flags } from "../parse-line.ts";
import { wantsHelp } from "../words.ts";

/** What a command may be run with. */
interface Admission {
  readonly ways: readonly (readonly PathStep[])[];
  readonly reuses: boolean;
}

/** What the programs that connect, and this program itself, find in their environment. */
const NEEDED =
  /^(?:HOME|USER|LOGNAME|LANG|LC_.*|LD_.*|SSH_AUTH_SOCK|SSH_ASKPASS.*|KRB5CCNAME|ECONTEXT_.*|XDG_(?:CONFIG|CACHE|RUNTIME|STATE)_(?:HOME|DIR)|KUBECONFIG|(?:DOCKER|CONTAINER|PODMAN)_.*|.*_proxy|TMPDIR|BUN_.*|TZ)$/i;
/** Of this process and of single commands. What they say of a connection is looked at there. */
const OWN: readonly string[] = ["ECONTEXT_UP", "ECONTEXT_DEBUG", "ECONTEXT_KIND", "ECONTEXT_SSH"];

/** Files of the user's folder, and what is told of the command's own process. */
const LOCAL = ["joblog", "resume", "resume-failed", "outdir", "plan"] as const;
/** Each asks for an interpreter of its own. */
const SPECIAL = ["kind", "python", "node", "bun", "lend-runtime", "unpack", "log-level"] as const;

/** @returns names of variables that are not the same here; a connection may depend on them */
function differing(env: Host["env"]): string[] {
  const own = ownFacts().env;
  const isDifferent = (name: string): boolean =>
    env[name] !== own[name] && NEEDED.test(name) && !OWN.includes(name);
  const others = Object.keys(own).filter((name) => !(name in env));
  return [...Object.keys(env), ...others].filter(isDifferent);
}

interface Facts extends Pick<Greeting, "env" | "umask"> {
  readonly groups: string;
  readonly places: readonly string[];
}

/** Of this process. Nothing here changes them, and to ask the system takes time. */
let facts: Facts | undefined;

function ownFacts(): Facts {
  facts ??= {
    env: { ...process.env },
    umask: process.umask(),
    groups: String(ownGroups()),
    places: PLACES.map((place) => linkOf(`/proc/self/${place}`)),
  };
  return facts;
}

/** @returns what differs between the command's process and this one; undefined: nothing does */
export function differenceFrom(
  { env, umask, groups }: Greeting,
  pid: number | undefined,
): string | undefined {
  const own = ownFacts();
  const [name] = differing(env);
  const paths = [env["PATH"] ?? "", own.env["PATH"] ?? ""] as const;
  if (paths[0] !== paths[1]) {
    // The rest of PATH decides nothing about a connection that is open.
    const [ssh, ours] = paths.map((PATH) => Bun.which("ssh", { PATH }));
    if (ssh !== ours) return "PATH leads to another ssh than at econtext up";
  }
  if (name !== undefined) return `${name} is not what it was at econtext up`;
  if (umask !== own.umask) return "the umask is not what it was at econtext up";
  if (String(groups) !== own.groups) return "its groups are not those of econtext up";
  const isSame = (place: string, at: number): boolean =>
    pid === undefined || linkOf(`/proc/${pid}/${place}`) === own.places[at];
  return PLACES.every(isSame) ? undefined : "it is in another container";
}

/** Whether files, users and networks have the same names for two processes. */
const PLACES = ["root", "ns/mnt", "ns/user", "ns/net"] as const;

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/** Files that are not the same in all processes: /dev/stdin, /dev/fd/63, /proc/self. */
const OWN_FILE = /(?:^|[=@])\/(?:dev|proc)\//;

/** A group among the words of a set. */
const GROUP = /(?:^|[\s,!&^/=])@/;

const notHere = (): never => {
  throw new Error("not here");
};

/** The input is for the command itself. */
const NONE: Host["stdin"] = {
  isTerminal: false,
  isEmpty: false,
  chunks: notHere,
  bytes: notHere,
  stream: notHere,
};

/** What would be said now is for the command's own process to say. */
const SILENT: Host["stderr"] = {
  ...{
    isTerminal: false,
    coloured: false,
    canSplice: false,
    spliceFrom: () => undefined,
    writeAtExit: () => {},
  },
  write: notHere,
  screen: () => ({ columns: 80, write: () => {} }),
  flushed: async () => {},
};

/** @returns undefined: the command's own process must run it */
export async function admit(
  args: readonly string[],
  host: Host,
  keeper: Keeper,
): Promise<Admission | undefined> {
  const path = (relative: string): string => host.path(relative);
  const quiet: Host = { ...host, path, stdin: NONE, stderr: SILENT };
  // After -- are the words of a remote command.
  const words = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
  if ([...words, `${host.folder}/`].some((word) => OWN_FILE.test(word))) return undefined;
  try {
    const { schemes, targets, passwordCommand } = readConfiguration(quiet);
    // The command of a group is run once, and not for nothing.
    const hasCommands = Object.values(targets.groups.data).some(({ command }) => command);
    if (hasCommands && args.some((word) => GROUP.test(word))) return undefined;
    const needs = await needsOf(args, quiet);
    if (needs === undefined || needs.targets.length === 0) return undefined;
    const { flags } = needs;
    const ssh: SshOptions = { interactive: false, ...(needs.ssh ?? readSsh(flags)) };
    const ways = needs.targets.map((target) => parsePath(target, { ssh, schemes, targets }));
    if (!ways.every((way) => keeper.covers(way) > 0)) return undefined;
    const isWhole = ways.every((way) => keeper.covers(way) === way.length);
    // A program that prints passwords would run here.
    if (!isWhole && passwordCommand !== undefined) return undefined;
    const isUsual = (way: readonly PathStep[]): boolean =>
      Object.keys(way.at(-1)?.interpreter ?? {}).length === 0;
    // It gave no cause for a warning, or SILENT had thrown.
    shareConfiguration(quiet, host);
    const isSpecial = SPECIAL.some((name) => flags[name] !== undefined) || !ways.every(isUsual);
    return { ways, reuses: needs.reuses && !isSpecial };
  } catch {
    // The command's own process says what is wrong.
    return undefined;
  }
}

/** @throws {Usage} */
async function needsOf(
  [name = "", ...rest]: readonly string[],
  host: Host,
): Promise<(KeptNeeds & { readonly flags: Flags }) | undefined> {
  if (!Object.hasOwn(COMMANDS, name)) return undefined;
  const { plan } = await COMMANDS[name as keyof typeof COMMANDS]();
  if (plan.needs === undefined) return undefined;
  const line = readLine(plan, rest);
  const { flags, problem } = line;
  if (problem !== undefined || wantsHelp(line, plan.begins !== undefined)) return undefined;
  const isLocal = LOCAL.some((option) => flags[option] !== undefined);
  if (isLocal || givenPasswordOptions(flags).length > 0) return undefined;
  const needs = await plan.needs(line, host);
  return needs && { ...needs, flags };
}
