/** `econtext up`: keeps connections open in the background, for the commands that follow. */
import { makeCommand } from "../command-definition.ts";
import type { Host } from "../host.ts";
import { readDuration } from "../option-values.ts";
import { COMMON, TARGETS } from "../options.ts";
import type { CommandLine, Definitions } from "../parse-line.ts";
import { Usage } from "../report-error.ts";
import { hasHosts } from "../targets.ts";

const args: Definitions = {
  "target...": { type: "positional", description: "a host as for ssh, or a path" },
  idle: {
    type: "string",
    valueHint: "TIME",
    description: "End when no command has used it for so long (default: 30m, or as before)",
  },
  "with-parent": {
    type: "boolean",
    description: "End with the process that runs this command: a shell, or a script",
  },
  ...TARGETS,
  ...COMMON,
};

export const command = makeCommand({
  name: "up",
  description: "Keep connections open for the commands that follow",
  usage: ["[OPTIONS] TARGET..."],
  examples: [
    "econtext up web1 bastion/web2      then: econtext exec web1 -- uptime",
    "econtext up --with-parent web1     in a script: it ends with the script",
    "econtext ps                        what is open",
    "econtext down                      the end",
  ],
  args,
  exitStatus: "0 all are open; 124 the deadline passed; 255 one could not be opened.",
  details: `A process in the background keeps the connections to these targets, with the
hops on the way. exec, sh, rsh, ping, call and cp use it by themselves, and
behave as without it. Questions for a password are asked now, on this terminal.

It is used when all targets of a command are kept, or behind one that is, and
the command has the same ssh (--ssh), the same options for it, and the same
environment where that matters to it. Other commands connect by themselves, and
those with --joblog, --resume or --outdir. A function of yours is never run
where another command's was: an edited file is sent anew.

A further econtext up adds targets to the same process. The process ends with
econtext down, when no command has used it for the time of --idle, or with
SIGTERM. A connection that was lost is opened anew, unless the host asks for
what only a person can answer: then run econtext up again. econtext ps shows
which. ECONTEXT_UP=off before a command: it does not use what is kept.`,
  run,
});

/** Half an hour. */
const IDLE_MS = 1_800_000;

async function run({ flags, before, after, raw }: CommandLine, host: Host): Promise<number> {
  const idle = readDuration("up", "--idle", flags["idle"]) ?? IDLE_MS;
  const words = [...before, ...(after ?? [])];
  if (words.length === 0 && !hasHosts(flags)) throw new Usage("up", "a TARGET is missing");
  if (flags["password-fd"] !== undefined) {
    throw new Usage("up", "--password-fd is of this process alone; use --password-command");
  }
  const { startAndServe } = await import("../up/start.ts");
  return startAndServe(["up", ...raw], host, {
    idle,
    parent: flags["with-parent"] === true ? process.ppid : undefined,
  });
}
