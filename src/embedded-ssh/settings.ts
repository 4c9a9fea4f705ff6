/** Translates the configuration of a host into typed settings. Reads no file. */
import type { Restriction } from "./agent-messages.ts";
import { type Offer, offerOf } from "./algorithms.ts";
import type { SshConfiguration } from "./configuration.ts";
import { Refusal } from "./failures.ts";
import { OptionReader } from "./option-reader.ts";
import { matchesPattern } from "./patterns.ts";
import { refuseConfiguration } from "./refusals.ts";
import { expandHome, expandPath, type TokenValues } from "./tokens.ts";

export interface HostKeySettings {
  readonly strict: "yes" | "no" | "ask" | "accept-new";
  /** A new key is written to the first. */
  readonly userFiles: readonly string[];
  readonly globalFiles: readonly string[];
  /** Prints further known hosts. */
  readonly command: string | undefined;
  /** Files of keys that are never accepted. */
  readonly revoked: readonly string[];
  readonly isHashed: boolean;
  readonly fingerprint: "sha256" | "md5";
  readonly checksAddress: boolean;
  readonly trustsLocalhost: boolean;
  readonly minimumRsaBits: number;
  /** Whether the keys that a known host names are learned, and its old ones removed. */
  readonly updates: boolean;
  /** Types of keys that are learned so. */
  readonly acceptedTypes: readonly string[];
}

export interface LoginSettings {
  /** Whether a person is asked nothing. */
  readonly isBatch: boolean;
  /** Ways to log in, the preferred one first. */
  readonly methods: readonly ("publickey" | "keyboard-interactive" | "password")[];
  /** How often a password or a passphrase is asked for. */
  readonly prompts: number;
  readonly identityFiles: readonly string[];
  readonly hasOnlyFiles: boolean;
  /** Path of the agent's socket. */
  readonly agent: string | undefined;
  /** Undefined: no key is added to the agent. */
  readonly adding: AddSettings | undefined;
  /** Names of signatures. */
  readonly acceptedAlgorithms: readonly string[];
  readonly minimumRsaBits: number;
}

/** How a key that was read from a file is added to the agent. */
export interface AddSettings extends Restriction {
  /** Whether a person is asked first. */
  readonly asks: boolean;
}

export interface SshSettings extends TokenValues {
  readonly family: 0 | 4 | 6;
  readonly bindAddress: string | undefined;
  /** Seconds until the server has introduced itself; undefined: as long as the system waits. */
  readonly connectSeconds: number | undefined;
  readonly attempts: number;
  readonly keepsAlive: boolean;
  readonly proxyCommand: string | undefined;
  /** Destinations on the way, the nearest first. */
  readonly jumps: readonly string[];
  readonly hostKey: HostKeySettings;
  readonly login: LoginSettings;
  readonly offer: Offer;
  readonly aliveSeconds: number;
  readonly aliveCount: number;
  /** 0: as the cipher needs it. */
  readonly rekeyBytes: number;
  /** 0: never for its age. */
  readonly rekeySeconds: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Path of the socket of the agent that the server's side may use. */
  readonly forwardedAgent: string | undefined;
  /** Whether LogLevel hides what is no error: a server's banner, that a key is added. */
  readonly isQuiet: boolean;
}

const USUAL_METHODS = ["publickey", "keyboard-interactive", "password"];
const FAMILIES: Readonly<Record<string, 4 | 6>> = { inet: 4, inet6: 6 };
/** What ssh demands of RSA keys, in versions that have no RequiredRSASize. */
const USUAL_RSA_BITS = 1024;
/** Values of LogLevel that leave out information. */
const QUIET = ["SILENT", "QUIET", "FATAL", "ERROR"];

/**
 * @param usual what ssh takes without a configuration
 * @param options of the command line
 * @throws {Refusal} the configuration demands what the embedded ssh lacks
 * @throws {TokenProblem}
 */
export function readSettings(
  configuration: SshConfiguration,
  usual: SshConfiguration,
  options: readonly string[],
): SshSettings {
  refuseConfiguration(configuration, usual, options);
  const offer = offerOf(configuration, usual);
  if ("refusal" in offer) throw new Refusal(offer.refusal);
  const read = new OptionReader(configuration);
  const place: TokenValues = {
    name: read.text("host"),
    hostname: read.text("hostname"),
    port: read.number("port"),
    user: read.text("user"),
    alias: read.optional("hostkeyalias"),
    jump: read.optional("proxyjump") ?? "",
  };
  const [rekeyBytes, rekeySeconds] = read.words("rekeylimit");
  return {
    ...place,
    family: FAMILIES[read.text("addressfamily")] ?? 0,
    bindAddress: read.optional("bindaddress"),
    connectSeconds: read.number("connecttimeout") || undefined,
    attempts: Math.max(1, read.number("connectionattempts")),
    keepsAlive: read.flag("tcpkeepalive"),
    proxyCommand: read.optional("proxycommand"),
    jumps: place.jump.split(",").filter((jump) => jump !== ""),
    hostKey: hostKeySettings(read, place),
    login: loginSettings(read, place),
    offer,
    aliveSeconds: read.number("serveraliveinterval"),
    aliveCount: read.number("serveralivecountmax"),
    rekeyBytes: Number(rekeyBytes) || 0,
    rekeySeconds: Number(rekeySeconds) || 0,
    environment: environmentOf(read),
    forwardedAgent: forwardedAgent(read),
    isQuiet: QUIET.includes(read.text("loglevel").toUpperCase()),
  };
}

/** Some versions of `ssh -G` print file names unexpanded, so that they are expanded here. */
function hostKeySettings(read: OptionReader, place: TokenValues): HostKeySettings {
  return {
    strict: strictness(read.text("stricthostkeychecking")),
    userFiles: read.words("userknownhostsfile").map(expandHome),
    globalFiles: read.words("globalknownhostsfile").map(expandHome),
    command: read.optional("knownhostscommand"),
    revoked: read.words("revokedhostkeys").map((file) => expandPath(file, place)),
    isHashed: read.flag("hashknownhosts"),
    fingerprint: read.text("fingerprinthash").toUpperCase() === "MD5" ? "md5" : "sha256",
    checksAddress: read.flag("checkhostip"),
    trustsLocalhost: read.flag("nohostauthenticationforlocalhost"),
    minimumRsaBits: read.number("requiredrsasize") || USUAL_RSA_BITS,
    updates: read.flag("updatehostkeys"),
    acceptedTypes: read
      .names("hostkeyalgorithms")
      .map((name) => (name.startsWith("rsa-sha2-") ? "ssh-rsa" : name)),
  };
}

function loginSettings(read: OptionReader, place: TokenValues): LoginSettings {
  const isAllowed = {
    // The values `unbound` and `host-bound` allow it, too.
    publickey: !["no", "false"].includes(read.text("pubkeyauthentication")),
    "keyboard-interactive": read.flag("kbdinteractiveauthentication"),
    password: read.flag("passwordauthentication"),
  } as const;
  const preferred = read.names("preferredauthentications");
  const methods = (preferred.length > 0 ? preferred : USUAL_METHODS).filter(
    (method): method is keyof typeof isAllowed => method in isAllowed,
  );
  return {
    isBatch: read.flag("batchmode"),
    methods: methods.filter((method) => isAllowed[method]),
    prompts: read.number("numberofpasswordprompts"),
    identityFiles: read.all("identityfile").map((file) => expandPath(file, place)),
    hasOnlyFiles: read.flag("identitiesonly"),
    agent: agentSocket(read),
    adding: addSettings(read),
    acceptedAlgorithms: read.names("pubkeyacceptedalgorithms"),
    minimumRsaBits: read.number("requiredrsasize") || USUAL_RSA_BITS,
  };
}

function agentSocket(read: OptionReader): string | undefined {
  const isUsual = read.text("identityagent") === "";
  return isUsual ? process.env["SSH_AUTH_SOCK"] : socketPath(read.optional("identityagent"));
}

/** `ssh -G` tells `false`, `true`, `ask`, or `confirm` and a number of seconds, or one of these. */
function addSettings(read: OptionReader): AddSettings | undefined {
  const words = read.words("addkeystoagent");
  const isAllowed = words.length > 0 && !["no", "false"].includes(words[0] ?? "");
  if (!isAllowed) return undefined;
  return {
    asks: words.includes("ask"),
    isConfirmed: words.includes("confirm"),
    seconds: Number(words.find((word) => /^\d+$/.test(word)) ?? 0),
  };
}

/** `yes` means the agent of logins. Without one, ssh forwards no other either. */
function forwardedAgent(read: OptionReader): string | undefined {
  const ofLogins = agentSocket(read);
  const value = read.text("forwardagent");
  if (ofLogins === undefined || value === "no") return undefined;
  // For ssh, the variable leads to the agent of logins, too.
  const isSame = read.flag("forwardagent") || /^\$?\{?SSH_AUTH_SOCK\}?$/.test(value);
  return isSame ? ofLogins : socketPath(read.optional("forwardagent"));
}

/** `SSH_AUTH_SOCK` and `$NAME` stand for variables. */
function socketPath(value: string | undefined): string | undefined {
  if (value === "SSH_AUTH_SOCK") return process.env["SSH_AUTH_SOCK"];
  if (value?.startsWith("$") !== true) return value;
  return process.env[value.slice(1).replace(/^\{(.*)\}$/, "$1")];
}

/** A variable that the user sets goes before one that is only passed on. */
function environmentOf(read: OptionReader): Record<string, string> {
  const patterns = read.all("sendenv");
  const sent = Object.entries(process.env).filter(([name]) =>
    patterns.some((pattern) => matchesPattern(pattern, name)),
  );
  const set = read.all("setenv").flatMap((pair) => {
    const at = pair.indexOf("=");
    return at > 0 ? [[pair.slice(0, at), pair.slice(at + 1)] as const] : [];
  });
  return Object.fromEntries([...sent, ...set].map(([name, value = ""]) => [name, value]));
}

function strictness(value: string): HostKeySettings["strict"] {
  if (value === "true" || value === "yes") return "yes";
  if (value === "accept-new" || value === "ask") return value;
  return value === "" ? "ask" : "no"; // `false`, `no` and `off` are one
}
