/**
 * `ssh`: the user's own client, with all of the user's configuration. ssh takes the first value of
 * an option that it meets, so the order decides.
 *
 * 1. Options that undo settings for interactive use, which would break the connection. scp does so.
 * 2. The user's own options.
 * 3. Options that the user may override: no pty; keepalives, so that a silent network is noticed;
 *    BatchMode, if nothing can answer a question.
 */
import { quoteForLoginShell, quoteForPosixShell } from "../shell-quote.ts";
import { CAUSES } from "./causes.ts";
import { SCHEMES } from "./registry.ts";
import { namedHosts, namedOptions } from "./ssh-config.ts";
import { alarmIn, removalOf, worthQuoting } from "./ssh-said.ts";
import type { Explanation, SshEngine, Transport } from "./transport.ts";

/** How `ssh` is run. */
export interface SshOptions {
  /** The program to run; default `ssh`. */
  readonly program?: string;
  /**
   * `embedded`: the master speaks ssh itself, without a process for each host;
   * `auto`: where it can do all that the configuration demands. Default: `program` is started.
   * Behind a hop, only `embedded` does so. See docs/embedded-ssh.md.
   */
  readonly engine?: SshEngine;
  /** Passed to ssh unchanged, before econtext's own: `["-p", "2222", "-o", "User=deploy"]`. */
  readonly options?: readonly string[];
  /** Whether ssh may ask something. Default: whether a person or a function can answer. */
  readonly interactive?: boolean;
  /**
   * @internal The context that it runs in, behind a hop; empty for a local one. The configuration
   * there counts, unless the engine is `embedded`. Absent: this process starts it.
   */
  readonly behind?: string | undefined;
  /**
   * @internal What may be meant by a destination that is no host.
   *
   * @param hosts names that the client's configuration has
   */
  readonly meant?: (destination: string, hosts: readonly string[]) => string | undefined;
}

/** What OpenSSH's `internal-sftp` prints on its standard output, before it ends with 1. */
const SFTP_ONLY = /^This service allows sftp connections only\.\s*$/m;
/** What OpenSSH's sshd prints on standard error in place of a command, before it ends with 1. */
const EXPIRED = /^Password change required but no TTY available\.\s*$/m;
/** What nologin(8) prints on its standard output, before it ends with 1. */
const NOLOGIN = /^This account is currently not available\.\s*$/m;

/**
 * @param destination as `ssh` takes it: `web1`, `user@web1`, `ssh://user@web1:2222`; must not begin
 *   with `-`
 */
export function ssh(destination: string, settings: SshOptions = {}): Transport {
  const { program = "ssh", behind, meant } = settings;
  const { interactive = false, options: own = [], engine } = settings;
  // The embedded ssh is on this machine. Of other machines it is not known how they configure ssh.
  const isBehind = behind !== undefined && engine !== "embedded";
  const options = isBehind ? own : withConfig(own);
  return {
    scheme: "ssh",
    destination,
    label: destination,
    hasNetwork: true,
    isClient: true,
    sharesDisk: false,
    mayRunAnother: true,
    asks: interactive && !isBehind,
    ...(engine !== undefined && !isBehind ? { engine } : {}),
    // Behind a hop, no askpass program of ours can be started: the client asks on a terminal.
    ...(interactive && isBehind ? { password: { prompt: "ssh", user: undefined } } : {}),
    wrap: (argv) => [
      program,
      ...(isBehind ? BEHIND : forced(options)),
      ...options,
      "-T",
      ...["-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3"],
      ...(interactive ? [] : ["-o", "BatchMode=yes"]),
      "--",
      withoutBrackets(destination),
      argv.map(quoteForLoginShell).join(" "),
    ],
    alarm: alarmIn,
    explain: (exitCode, stderr, stdout = "") => {
      if (exitCode === 1 && !EXPIRED.test(stderr)) return withoutShell(stdout);
      if (exitCode !== 255 && exitCode !== 1) return undefined;
      const advice = (): string | undefined =>
        meant?.(destination, isBehind ? [] : namedHosts(options));
      const { hint, ...told } = explainSsh(stderr, advice);
      const on = isBehind && behind ? ` on ${behind}` : "";
      const from = !isBehind && behind ? ` on ${behind}` : "";
      const file = configFile(options);
      const way = isBehind ? [] : jumpsOf(behind);
      const words = [...options, ...way, withoutBrackets(destination)];
      // The first value of an option counts.
      const asking = STRICT.test(stderr) ? ["-o", "StrictHostKeyChecking=ask"] : [];
      const plain = [...asking, ...words].map(quoteForPosixShell).join(" ");
      const takesPassword = !interactive && TAKES_PASSWORD.test(stderr);
      return {
        ...told,
        hint: hint
          .replace(/plain ssh( -v)?/, (head) => `${head} ${plain}`)
          .replace("{config}", file === undefined || file === "none" ? "~/.ssh/config" : file)
          .replaceAll("{on}", on)
          .replaceAll("{from}", from)
          .replace("{password}", takesPassword ? PASSWORD_ADVICE : ""),
      };
    },
  };
}

/** @param stdout of what was run for the account instead of our command */
function withoutShell(stdout: string): Explanation | undefined {
  if (NOLOGIN.test(stdout)) {
    const { code, what } = CAUSES["no-login-shell"];
    const hint = "give the account a shell: chsh -s /bin/sh NAME, as root there";
    return { code, message: what, hint };
  }
  if (!SFTP_ONLY.test(stdout)) return undefined;
  const { code } = CAUSES["command-not-allowed"];
  const hint = "take an account that may run commands, or look at ForceCommand of that server";
  return { code, message: "the server lets this account copy files, and run nothing", hint };
}

/** @returns the hosts that the configuration of this machine names */
export function hostsHere(options: readonly string[] = []): readonly string[] {
  return namedHosts(withConfig(options));
}

/** @returns options of ssh that go the same way, if all words of the way are destinations */
function jumpsOf(behind = ""): readonly string[] {
  const words = behind.split("/");
  const areHosts = words.every((word) => /^[\w.@-]+$/.test(word) && !SCHEMES.has(word));
  return areHosts ? ["-J", words.join(",")] : [];
}

/** ssh itself takes an IPv6 address without the brackets that other programs want. */
function withoutBrackets(destination: string): string {
  return destination.replace(/^((?:[^@/]*@)?)\[([\da-f:.]+(?:%[\w.-]+)?)\]$/i, "$1$2");
}

/** @returns what `-F` names: the file that ssh reads instead of the user's, or `none` */
function configFile(options: readonly string[]): string | undefined {
  const at = options.findIndex((option) => option.startsWith("-F"));
  return at < 0 ? undefined : options[at]?.slice(2) || options[at + 1];
}

/** `ECONTEXT_SSH_CONFIG` names the configuration file, unless the options do. */
function withConfig(options: readonly string[]): readonly string[] {
  const file = process.env["ECONTEXT_SSH_CONFIG"] ?? "";
  const isNamed = file === "" || options.some((option) => option.startsWith("-F"));
  return isNamed ? options : ["-F", file, ...options];
}

/**
 * Settings for interactive use, each with the option that undoes it. They would keep the command
 * from starting, from reading its input, or from staying in the foreground.
 */
const INTERACTIVE: Readonly<Record<string, string>> = {
  remotecommand: "RemoteCommand=none",
  requesttty: "RequestTTY=no",
  sessiontype: "SessionType=default",
  stdinnull: "StdinNull=no",
  forkafterauthentication: "ForkAfterAuthentication=no",
};
/** Of a client whose configuration is not known: what every OpenSSH since 7.6 takes. */
const BEHIND = ["RemoteCommand=none", "PermitLocalCommand=no", "ClearAllForwardings=yes"].flatMap(
  (setting) => ["-o", setting],
);
const FORWARDING = /^-[LRD]|^(?:-o\s*)?(?:Local|Remote|Dynamic)Forward\b/i;

/** @returns options that take precedence over the user's configuration */
function forced(options: readonly string[]): string[] {
  const named = namedOptions(options);
  const settings = Object.entries(INTERACTIVE).flatMap(([name, setting]) =>
    named.has(name) ? [setting] : [],
  );
  // A local command prints into our pipe. A forwarding needs a port that another connection may
  // have, unless it was asked for with these options.
  settings.push("PermitLocalCommand=no");
  if (!options.some((option) => FORWARDING.test(option))) settings.push("ClearAllForwardings=yes");
  return settings.flatMap((setting) => ["-o", setting]);
}

const STRICT = /you have requested strict checking/;

/**
 * Nothing else was said: a proxy command says why it failed. It may be the jump host's server;
 * then the last ssh has lines of its own.
 */
const TURNED_AWAY =
  /^\s*(?:kex_exchange_identification: .*[\r\n]*)+(?:Connection \w+ by (?!UNKNOWN).*[\r\n]*(?:The embedded ssh: .*[\r\n]*)?(?:kex_exchange.*[\r\n]+.*UNKNOWN.*[\r\n]*)?)?$/;

/**
 * ssh's status is 255 for each of its own failures. Which one it was, ssh prints; OpenSSH does not
 * translate these words. They only refine the message: the status tells that ssh has failed. `{on}`
 * becomes the machine that the client runs on, if it is another one; `{from}` the hop that connects
 * for a client of this machine.
 */
const REASONS: readonly (readonly [pattern: RegExp, code: string, what: string, hint: string])[] = [
  [
    /^The embedded ssh refuses it: (?:the server|Unable to negotiate)/m,
    "ERR_TRANSPORT_REFUSED",
    "the embedded ssh lacks what this server needs",
    "use the ssh program, with --ssh auto or without --ssh",
  ],
  [
    /^The embedded ssh refuses it/m,
    "ERR_TRANSPORT_REFUSED",
    "the embedded ssh lacks what the configuration demands",
    "use the ssh program, with --ssh auto or without --ssh; or change that option with -o",
  ],
  [
    /: too many open files/i,
    "ERR_TRANSPORT_FAILED",
    "too many files are open",
    "work on fewer targets at a time (-j), or raise the limit of open files (ulimit -n){from}",
  ],
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED/,
    "ERR_TRANSPORT_HOST_KEY_CHANGED",
    "the host key has changed",
    "make sure that it is the right machine, then remove the old key{on}: {removal}",
  ],
  [
    /REVOKED HOST KEY DETECTED|revoked by file/,
    "ERR_TRANSPORT_HOST_KEY_REVOKED",
    "the host key is revoked",
    "do not log in there; ask the administrator who has revoked the key for the host's new one",
  ],
  [
    /Host key verification failed/,
    "ERR_TRANSPORT_HOST_KEY_UNKNOWN",
    "the host key is not known",
    "connect once with plain ssh{on} to see and accept it",
  ],
  [
    /Permission denied/,
    "ERR_TRANSPORT_PERMISSION_DENIED",
    "permission denied",
    "check the user, the key and the agent with plain ssh{on}{password}",
  ],
  [
    /open failed: connect failed: (?:Name or service not known|No address associated with|Temporary failure in name resolution)/,
    "ERR_TRANSPORT_UNKNOWN_HOST",
    "no such host",
    "check the name: the jump host looks it up",
  ],
  [
    /Could not resolve hostname/,
    "ERR_TRANSPORT_UNKNOWN_HOST",
    "no such host",
    "check the name{from}, or give it a Host entry in {config}{on}",
  ],
  [
    /Connection refused/,
    "ERR_TRANSPORT_UNREACHABLE",
    "the host refuses the connection",
    "check the port, and that an ssh server runs there",
  ],
  [
    /timed out during banner exchange/,
    "ERR_TRANSPORT_UNREACHABLE",
    "the host is connected, and says nothing",
    "check that an ssh server listens on this port, and that it is not overloaded",
  ],
  [
    /No route to host|Network is unreachable|(?:Connection|Operation) timed out/,
    "ERR_TRANSPORT_UNREACHABLE",
    "the host does not answer",
    "check the address, the port and the network",
  ],
  [
    /^(?:Protocol major versions differ|Bad remote protocol version identification): /m,
    "ERR_TRANSPORT_FAILED",
    "the server speaks another protocol, or an old version of ssh",
    "check the port, and update the ssh server if it is one",
  ],
  [
    TURNED_AWAY,
    "ERR_TRANSPORT_FAILED",
    "the server closed the connection before it said what it is",
    "use --retries or a smaller -j if many log in at once (MaxStartups of sshd); else check the " +
      "port, or the server may have banned this address",
  ],
  [
    /^(?:WARNING: )?Your password has expired/m,
    CAUSES["password-expired"].code,
    CAUSES["password-expired"].what,
    "log in once with plain ssh{on}, and change it",
  ],
  [
    /^Received disconnect from /m,
    "ERR_TRANSPORT_FAILED",
    "the server ended the connection",
    "look into the log of the ssh server, if its words do not tell why",
  ],
  [
    /^(?:channel \d+: open failed: |exec request failed on channel )/m,
    "ERR_TRANSPORT_FAILED",
    "the server lets the user in, and runs no command",
    "let an administrator look at MaxSessions and the other rules of the server for this account",
  ],
  [
    /^(?:Connection to \S+ closed by remote host|Timeout, server \S+ not responding|Read from remote host |client_loop: )/m,
    "ERR_TRANSPORT_FAILED",
    "ssh was connected, and lost the connection",
    "try again; if it stays so, look into the log of the ssh server",
  ],
  [
    /^usage: ssh |: Bad configuration option: |^Bad (?:port|number) /m,
    "ERR_TRANSPORT_FAILED",
    "ssh does not take these options, or this destination",
    "check the options of ssh and {config}; econtext bootstrap TARGET shows the whole command",
  ],
];

/** In parentheses, ssh prints the ways to log in that are left. */
const TAKES_PASSWORD = /Permission denied \([^)]*\b(?:password|keyboard-interactive)\b/;
const PASSWORD_ADVICE =
  "; it takes a password, too: on a terminal, or with --ask-pass or --password-command";

/** @param meant finds what may be meant by a destination that is no host */
function explainSsh(stderr: string, meant: () => string | undefined): Explanation {
  for (const [pattern, code, what, usual] of REASONS) {
    if (!pattern.test(stderr)) continue;
    const advice = code === "ERR_TRANSPORT_UNKNOWN_HOST" ? meant() : undefined;
    const also = advice?.endsWith("?") === true ? " Else" : "; else";
    const hint = advice === undefined ? usual : `${advice}${also} ${usual}`;
    const removal = removalOf(stderr) ?? "ssh-keygen -R HOST";
    const said = pattern === TURNED_AWAY ? {} : { said: worthQuoting(stderr) };
    return { code, message: what, hint: hint.replace("{removal}", () => removal), ...said };
  }
  // ssh says nothing of a session that the server ends without a status, nor at LogLevel QUIET.
  const isSilent = stderr.replace(/^Warning: Permanently added .*$/gm, "").trim() === "";
  return {
    code: "ERR_TRANSPORT_FAILED",
    message: isSilent ? "ssh failed, and said nothing" : "ssh could not connect",
    hint: "try the same destination with plain ssh -v{on}",
  };
}
