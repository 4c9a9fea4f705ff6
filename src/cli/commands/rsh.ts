/**
 * `econtext rsh`: stands in for `ssh` in programs that use a remote shell: rsync, scp, git. Its
 * options are those of ssh, and ssh's configuration says what a host is.
 */
import type { SshOptions } from "../../index.ts";
import { makeCommand } from "../command-definition.ts";
import type { Host } from "../host.ts";
import { readProgram } from "../option-values.ts";
import type { CommandLine, Definitions } from "../parse-line.ts";
import { Usage } from "../report-error.ts";

const args: Definitions = {
  "ssh-option...": {
    type: "positional",
    description: "-l, -p, -o and others, as for ssh",
  },
  host: { type: "positional", description: "local, a host as for ssh, or a path" },
  "command...": {
    type: "positional",
    description: "Joined by spaces, for the remote login shell",
  },
};

export const command = makeCommand({
  isRaw: true,
  name: "rsh",
  description: "Stand in for ssh where a program uses it: rsync, git, scp",
  usage: ["[SSH-OPTION...] HOST COMMAND..."],
  examples: [
    'rsync -e "econtext rsh" -a src/ web1:/srv/src/',
    'GIT_SSH_COMMAND="econtext rsh" git clone web1:repo.git',
    'scp -S econtext-rsh file web1:      (a script: exec econtext rsh "$@")',
  ],
  args,
  exitStatus: "The command's own; 255 without a connection.",
  details: `Options before HOST are passed to ssh unchanged. COMMAND is run by the login
shell of the account, as sshd runs it.

In the environment, ECONTEXT_KIND chooses the remote interpreter: python, node
or bun. ECONTEXT_SSH chooses the ssh, as --ssh of other commands does: embedded,
auto or a program.

When the command ends, the processes that it started in the background end too.
nohup does not prevent that. To leave a process running:
  setsid -f CMD >/dev/null 2>&1 </dev/null`,
  needs: async ({ raw }, { env }) => {
    const { options, isQuestion, host: target } = readSshLine(raw);
    if (isQuestion) return undefined;
    const ssh = { ...chosenSsh(env), options };
    return { targets: [target], reuses: env["ECONTEXT_KIND"] === undefined, ssh };
  },
  run,
});

/** Options of ssh with a value; options for forwarding, X11 and terminals, which are left out. */
const VALUED = "BbcDEeFIiJLlmOoPpQRSWw";
const DROPPED = "AaNnTtXxYyfgKkMsvq";
const QUESTIONS = "GV";
/** Places of the server that scp and sftp ask for. */
const SFTP_SERVERS = [
  "/usr/lib/openssh/sftp-server",
  "/usr/libexec/openssh/sftp-server",
  "/usr/lib/ssh/sftp-server",
  "/usr/libexec/sftp-server",
  "/usr/lib/misc/sftp-server",
];
/** Runs a command by the user's login shell, as sshd does. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
const BY_LOGIN_SHELL = 'exec "${SHELL:-/bin/sh}" -c "$1"';

interface SshLine {
  readonly options: readonly string[];
  /** -G or -V: git asks what ssh can do before it runs a command. */
  readonly isQuestion: boolean;
  readonly isSubsystem: boolean;
  readonly hasInput: boolean;
  readonly host: string;
  readonly command: string;
}

async function run({ raw }: CommandLine, host: Host): Promise<number> {
  const { options, isQuestion, isSubsystem, hasInput, host: target, command } = readSshLine(raw);
  if (isQuestion) return ask(raw, host);
  const { runCommands } = await import("../run-command.ts");
  const kind = host.env["ECONTEXT_KIND"];
  const plan = {
    command: "rsh",
    flags: { ...(kind === undefined ? {} : { kind }) },
    ssh: { ...chosenSsh(host.env), options },
    targets: [target],
    argv: isSubsystem ? subsystem(command) : ["sh", "-c", BY_LOGIN_SHELL, "sh", command],
    name: command,
    hasInput,
  };
  return runCommands(plan, host);
}

/** @throws {Usage} */
function chosenSsh(env: Host["env"]): Pick<SshOptions, "program" | "engine"> {
  return readProgram(env["ECONTEXT_SSH"] || undefined, "ECONTEXT_SSH=");
}

/** Has ssh answer a question about itself. */
async function ask(args: readonly string[], { stdout, stderr, env }: Host): Promise<number> {
  const { program: name = "ssh" } = chosenSsh(env);
  const program = Bun.which(name, { PATH: env["PATH"] ?? "" });
  if (program === null) throw new Usage("rsh", `there is no ${name} on this machine`);
  const child = Bun.spawn([program, ...args], { stdio: ["ignore", "pipe", "pipe"], env });
  const copies = [
    child.stdout.bytes().then((bytes) => stdout.write(bytes)),
    child.stderr.bytes().then((bytes) => stderr.write(bytes)),
  ];
  await Promise.all(copies);
  return child.exited;
}

/** @throws {Usage} */
export function readSshLine(args: readonly string[]): SshLine {
  const options: string[] = [];
  let isQuestion = false;
  let isSubsystem = false;
  let hasInput = true;
  let host: string | undefined;
  let at = 0;
  // As getopt does for ssh: options may also stand after the host, up to the command.
  for (; at < args.length; at++) {
    const arg = args[at] ?? "";
    if (arg === "--") {
      at++;
      host ??= args[at++];
      break;
    }
    if (!/^-./.test(arg)) {
      if (host !== undefined) break;
      host = arg;
      continue;
    }
    if (arg.startsWith("--"))
      throw new Usage(
        "rsh",
        `ssh has no option ${arg}; set ECONTEXT_SSH for an ssh, ECONTEXT_KIND for an interpreter`,
      );
    for (let i = 1; i < arg.length; i++) {
      const letter = arg.charAt(i);
      if (VALUED.includes(letter)) {
        const value = arg.slice(i + 1) || args[++at];
        if (value === undefined) throw new Usage("rsh", `-${letter} needs a value`);
        options.push(`-${letter}`, value);
        break;
      }
      isQuestion ||= QUESTIONS.includes(letter);
      isSubsystem ||= letter === "s";
      hasInput &&= letter !== "n";
      if (!DROPPED.includes(letter)) options.push(`-${letter}`);
    }
  }
  const command = args.slice(at).join(" ");
  if (isQuestion) return { options, isQuestion, isSubsystem, hasInput, host: host ?? "", command };
  if (host === undefined) throw new Usage("rsh", "a HOST is missing");
  if (command === "")
    throw new Usage("rsh", "a COMMAND is missing; for a login: econtext exec -t HOST");
  return { options, isQuestion, isSubsystem, hasInput, host, command };
}

/** @throws {Usage} */
function subsystem(name: string): readonly string[] {
  if (name !== "sftp") throw new Usage("rsh", `no such subsystem: ${name}`);
  const look = SFTP_SERVERS.map((path) => `[ -x ${path} ]&&exec ${path}`).join(";");
  return ["sh", "-c", `${look};echo "no sftp-server is here" >&2;exit 127`];
}
