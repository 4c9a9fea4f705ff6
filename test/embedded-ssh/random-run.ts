/** Random ssh configurations, known hosts, keys, agents and answers: runs to compare clients by. */
import { writeFileSync } from "node:fs";
import { below, type Dice } from "../helpers/random.ts";
import { run as runTool } from "../helpers/scratch-user.ts";
import type { Run } from "./compare.ts";

/** The files of an `optionScene`, and two agents. */
export interface Scene {
  readonly at: (name: string) => string;
  readonly text: (name: string) => string;
  readonly hostKey: (type: string) => string;
  readonly usual: () => Run;
  readonly port: () => number;
}

/** How likely each option is, and its values. `AT` stands for the scene's folder. */
const OPTIONS: Readonly<Record<string, readonly [number, ...string[]]>> = {
  StrictHostKeyChecking: [0.7, "yes", "no", "off", "accept-new", "ask", "accept-new"],
  HostKeyAlgorithms: [
    ...[0.35, "ssh-ed25519", "rsa-sha2-512,rsa-sha2-256", "rsa-sha2-256", "-ssh-ed25519*"],
    ...["^ecdsa-sha2-nistp384", "+ssh-rsa", "ecdsa*", "ecdsa-sha2-nistp384,ssh-ed25519"],
  ] as [number, ...string[]],
  HostKeyAlias: [0.25, "alias", "target", "ALIAS"],
  CheckHostIP: [0.25, "yes", "no"],
  HashKnownHosts: [0.25, "yes"],
  UpdateHostKeys: [0.3, "yes", "no", "ask"],
  NoHostAuthenticationForLocalhost: [0.1, "yes"],
  PreferredAuthentications: [0.15, "publickey", "password,publickey", "none,publickey", "password"],
  PubkeyAcceptedAlgorithms: [0.15, "ssh-ed25519", "-ssh-ed25519", "ecdsa*", "^rsa-sha2-256"],
  PubkeyAuthentication: [0.06, "no", "host-bound", "unbound"],
  PasswordAuthentication: [0.05, "no"],
  BatchMode: [0.15, "yes", "no"],
  NumberOfPasswordPrompts: [0.15, "1", "2"],
  SetEnv: [
    ...[0.15, "GREETING=hello", "LC_X=1 LC_Y=2", "OTHER=2", '"GREETING=two words"'],
    ...["GREETING=100%", "GREETING=a=b", "GREETING=a%%b", 'LC_X="a b" LC_Y=c'],
  ] as [number, ...string[]],
  ProxyCommand: [
    ...[0.12, "AT/relay %p", "AT/relay %p 2>/dev/null", "sh -c 'exec AT/relay %p'", "none"],
    ...["test %% = '%' && AT/relay %p", "AT/relay $((%p))", "exec AT/relay %p # x"],
    ...["test 'a  b' = \"a  b\" && 'AT/relay' \"%p\"", "/bin/false"],
  ] as [number, ...string[]],
  SendEnv: [0.1, "LC_*", "GREET?NG -LC_*"],
  Ciphers: [0.1, "aes128-ctr", "aes256-gcm@openssh.com,aes128-ctr", "-chacha*", "^aes128-ctr"],
  MACs: [0.1, "hmac-sha2-256", "-umac*", "hmac-sha2-512-etm@openssh.com"],
  Compression: [0.05, "yes"],
  RekeyLimit: [0.05, "1M", "default 5"],
  RevokedHostKeys: [0.1, "AT/other.pub", "AT/host_rsa.pub", "AT/host_ed25519.pub", "AT/no", "none"],
  RequiredRSASize: [0.1, "3072", "4096"],
  LogLevel: [0.15, "QUIET", "ERROR", "VERBOSE", "FATAL"],
  HostName: [0.1, "localhost", "127.0.0.1", "LOCALHOST", "%h"],
  AddressFamily: [0.1, "inet", "any", "inet6"],
  UserKnownHostsFile: [0.1, "DIR/known_hosts DIR/more", "none", "DIR/%k"],
  GlobalKnownHostsFile: [0.1, "DIR/known_hosts", "none"],
  KnownHostsCommand: [
    ...[0.15, "/bin/cat AT/printed", "/bin/false"],
    ...['/bin/echo "%H %t %K"', "none"],
  ] as [number, ...string[]],
  IdentityAgent: [0.35, "AT/agent1", "AT/agent2", "SSH_AUTH_SOCK", "$SSH_AUTH_SOCK", "/nowhere"],
  IdentitiesOnly: [0.4, "yes"],
  User: [0.1, "no-such-user", "%u", "root"],
  ConnectionAttempts: [0.05, "2"],
  FingerprintHash: [0.08, "md5", "sha256"],
};
const KEYS = [
  ...["user_ed25519", "user_ecdsa", "user_rsa", "other", "nothing"],
  ...["locked", "locked_pem", "too_open", "user_rsa.pub"],
];
/** Public keys for the lines of known hosts: those of the server, and wrong ones. */
const SHOWN = [
  ...["host_ed25519", "host_ed25519", "host_ecdsa", "host_rsa", "host_rsa"],
  ...["other", "user_rsa", "user_ecdsa"],
];
/** Names of the host in known hosts; some are of another host. `PORT` stands for the port. */
const NAMES = [
  ...["[127.0.0.1]:PORT", "127.0.0.1", "[127.0.0.1]:PORT,other", "[127.0.0.*]:PORT", "*", "[*]:*"],
  ...["!x,[127.0.0.?]:*", "*,![127.0.0.1]:PORT", "[127.0.0.1]:1", "alias", "[alias]:PORT"],
  ...["target", "[target]:PORT", "localhost", "[LOCALHOST]:PORT", "[localhost]:PORT"],
];
const MARKS = ["", "", "", "", "", "@revoked ", "@cert-authority "];
const ENDS = ["\n", "\n", "\n", " a comment\n", "\r\n", "   \n", " # x\n"];
const ODD_LINES = [
  ...["# comment\n", "\n", "garbage\n", "a b\n", "[127.0.0.1]:PORT ssh-ed25519\n", " \t\n"],
  ...["[127.0.0.1]:PORT ssh-ed25519 AAAA\n", "[127.0.0.1]:PORT unknown-type AAAA\n"],
];
const ANSWERS = [
  ...[[], ["yes"], ["no"], ["YES"], ["", "yes"], ["yes", "open sesame"]],
  ...[
    ["maybe", "yes", "open sesame"],
    ["open sesame", "open sesame"],
  ],
  ...[
    ["wrong", "wrong", "wrong", "wrong"],
    ["yes", "wrong", "open sesame", "open sesame"],
  ],
];

export function randomRun(dice: Dice, scene: Scene): Run {
  const { at, usual } = scene;
  const pick = <T>(list: readonly T[]): T => list[below(dice, list.length)] as T;
  const options = Object.entries(OPTIONS).flatMap(([name, [chance, ...values]]) =>
    dice() < chance ? [spelled(dice, name, pick(values).replaceAll("AT", at(".")))] : [],
  );
  const keys = Array.from({ length: below(dice, 4) }, () => `IdentityFile ${at(pick(KEYS))}`);
  // The first value counts. Without the last lines, the agent's keys and ssh's usual ones do, too.
  const last = dice() < 0.5 ? usual().lines : usual().lines.filter((one) => !/Identit/.test(one));
  return {
    lines: [...keys, ...options, ...last],
    options: dice() < 0.15 ? ["-i", at(pick(KEYS))] : [],
    known: Array.from({ length: below(dice, 4) }, () => knownLine(dice, scene)).join(""),
    answers: pick(ANSWERS),
    command: "echo ok; echo $GREETING $LC_X $LC_Y $OTHER; cat; exit 3",
    env: pick([
      ...[{}, { LC_A: "1" }, { GREETING: "env" }],
      ...["agent1", "agent2", "nothing"].map((name) => ({ SSH_AUTH_SOCK: at(name) })),
    ]) as Record<string, string>,
  };
}

/** One of the ways in which ssh_config(5) lets an option be written. */
function spelled(dice: Dice, name: string, value: string): string {
  const is = [" ", " ", " ", "=", " = ", "\t", "  "][below(dice, 7)] as string;
  const quote = !/[ "$]/.test(value) && dice() < 0.2 ? '"' : "";
  const end = ["", "", "", "", " ", "\t", "\r", " # a comment"][below(dice, 8)] as string;
  const word = [name, name, name.toLowerCase(), name.toUpperCase()][below(dice, 4)] as string;
  return `${word}${is}${quote}${value}${quote}${end}`;
}

function knownLine(dice: Dice, { at, text, port }: Scene): string {
  const pick = (list: readonly string[]): string =>
    (list[below(dice, list.length)] as string).replaceAll("PORT", String(port()));
  const chance = dice();
  if (chance < 0.1) return pick(ODD_LINES);
  const [type, key] = text(`${pick(SHOWN)}.pub`).split(" ");
  const line = `${pick(NAMES)} ${type} ${key}`;
  if (chance > 0.2) return pick(["", "", " ", "\t"]) + pick(MARKS) + line + pick(ENDS);
  if (/[*?!]/.test(line)) return `${line}\n`; // a pattern cannot be hashed
  const file = at("to-hash");
  writeFileSync(file, `${line}\n`);
  runTool(["ssh-keygen", "-q", "-H", "-f", file]);
  return `${text("to-hash")}\n`;
}
