/** `econtext exec`: one command, without a shell, on one or several targets. */
import { makeCommand } from "../command-definition.ts";
import { runWithHeadStart } from "../head-start.ts";
import type { Host } from "../host.ts";
import { readCommandOptions, readInterpreter } from "../option-values.ts";
import { COMMAND, COMMON, FLEET, RESULTS, TARGETS } from "../options.ts";
import type { CommandLine, Definitions } from "../parse-line.ts";
import { Usage } from "../report-error.ts";
import { readTargets } from "../targets.ts";
import { withSeparator } from "../words.ts";

const args: Definitions = {
  "target...": {
    type: "positional",
    description: "local, a host as for ssh, a path, or a set: web[01-20],@db",
  },
  "-- cmd arg...": { type: "positional", description: "The command, after --" },
  tty: { type: "boolean", alias: "t", description: "Run it on a terminal, as ssh -t" },
  ...COMMAND,
  ...TARGETS,
  ...FLEET,
  ...RESULTS,
  ...COMMON,
};

export const command = makeCommand({
  name: "exec",
  description: "Run a command on other machines, without a shell",
  usage: ["[OPTIONS] TARGET... -- CMD ARG...", "-t [OPTIONS] TARGET        a login shell"],
  examples: [
    "econtext exec web1 -- uname -a",
    "econtext exec 'web[01-20]' db1 --deadline 10 -- df -h /",
    "tar c app | econtext exec web1 -- tar x -C /srv",
    "econtext exec -t web1 -- top",
  ],
  exitStatus: `The command's own; 128 + N when signal N ended it, 127 when it was not
found, 126 when it could not be run. With several targets, the highest.`,
  args,
  details: `The command runs without a shell: no variables, no patterns, no pipes. For those
use "econtext sh", or -- sh -c 'a | b'.

Like ssh, the command reads your standard input. Inside "while read", use -n.
With several targets each gets a copy, at the speed of the slowest. While one
target still connects, the others get 16 chunks of up to 128 KiB, and wait.

The command's output is not changed. With several targets, all run at the same
time and each line begins with the target's name. Lines over 1 MiB are cut. Each
target that failed is named on stderr, and the last line names all of them.

SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP and SIGCONT are passed on to the
command. If one of the first three does not arrive within 3 seconds, it ends
econtext. When the reader of the output is gone, the command is killed.

Like ssh, econtext waits until the output of the command is closed: a process in
the background that keeps it open is waited for. Then what still runs in the
background is ended; nohup does not prevent that. To leave a process running:
  setsid -f CMD >/dev/null 2>&1 </dev/null`,
  begins: isCommand,
  needs: async ({ flags, before }, host) => ({
    targets: (await readTargets("exec", before, flags, host)).names,
    // A terminal is a session of its own, whose end is not waited for.
    reuses: flags["tty"] !== true,
  }),
  run,
});

/** Starts the login shell of the account: $SHELL, else the shell of the user database. */
const LOGIN_SHELL = `[ "$SHELL" ]||SHELL=$(getent passwd "$(id -u)"|cut -d: -f7);exec "\${SHELL:-/bin/sh}" -l`;

async function run(line: CommandLine, host: Host): Promise<number> {
  const { flags, before, after } = line;
  const wantsTty = flags["tty"] === true;
  if (after === undefined && before.length > 1) {
    const hint = withSeparator("exec", line, (word) => isCommand(word, host));
    throw new Usage("exec", `the command belongs after --\n  ${hint}`);
  }
  const isLogin = wantsTty && after === undefined;
  if (!isLogin && (after?.[0] ?? "") === "") {
    throw new Usage(
      "exec",
      `a command is missing (or -t, for a login shell)\n  econtext exec ${before.join(" ") || "TARGET..."} -- CMD ARG...`,
    );
  }
  const argv = isLogin ? ["sh", "-c", LOGIN_SHELL] : (after as readonly string[]);
  const { names: targets, takesInput } = await readTargets("exec", before, flags, host);
  if (wantsTty && takesInput) throw new Usage("exec", "-t needs your standard input: no - is left");
  if (wantsTty && targets.length > 1) throw new Usage("exec", "-t is for one target");
  if (wantsTty && flags["no-stdin"] === true)
    throw new Usage("exec", "-t and -n cannot be combined");
  const { kind, node } = readInterpreter("exec", flags);
  if (wantsTty && (kind === "node" || (kind === undefined && node !== undefined))) {
    throw new Usage(
      "exec",
      "-t needs Python or Bun on the remote machine: Node.js has no terminals",
    );
  }
  const options = readCommandOptions("exec", flags);
  const plan = {
    command: "exec",
    flags,
    targets,
    argv,
    name: isLogin ? "the login shell" : String(argv[0]),
    hasInput: flags["no-stdin"] !== true && !takesInput && !host.stdin.isEmpty,
    options: wantsTty ? { ...options, tty: await terminalOf(host) } : options,
  };
  return runWithHeadStart(plan, host);
}

/** Loaded when it is needed: the start of every command would wait for it. */
async function terminalOf(host: Host) {
  const { ownTerminal } = await import("../ui/raw-terminal.ts");
  return ownTerminal("exec", host);
}

/** @returns whether the word is rather a command than a target */
function isCommand(word: string, { env }: Host): boolean {
  return (
    Bun.which(word, { PATH: env["PATH"] ?? "" }) !== null ||
    (word.includes("/") && !word.includes("://"))
  );
}
