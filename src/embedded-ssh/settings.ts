/**
 * From the configuration of a host to what the embedded ssh does there; or why it does not talk to
 * the host. Reads no file but those that tell whether a value is in quotes.
 */
import { namedValues } from "../transports/ssh-config.ts";
import { type Offer, offerOf } from "./algorithms.ts";
import type { SshConfiguration } from "./configuration.ts";
import { Refusal } from "./failures.ts";
import { OPTIONS } from "./option-table.ts";
import { expandPath, type TokenValues } from "./tokens.ts";

export interface HostKeySettings {
  readonly strict: "yes" | "no" | "ask" | "accept-new";
  /** A new key is written to the first. */
  readonly userFiles: readonly string[];
  readonly globalFiles: readonly string[];
  /** Prints further known hosts. */
  readonly command: string | undefined;
  readonly revoked: string | undefined;
  readonly isHashed: boolean;
  readonly fingerprint: "sha256" | "md5";
  readonly checksAddress: boolean;
  readonly trustsLocalhost: boolean;
  readonly minimumRsaBits: number;
  /** Whether further keys of a known host are learned. */
  readonly learnsKeys: boolean;
}

export interface LoginSettings {
  /** Whether nothing may be asked. */
  readonly isBatch: boolean;
  /** Ways to log in, the preferred one first. */
  readonly methods: readonly ("publickey" | "keyboard-interactive" | "password")[];
  readonly prompts: number;
  readonly identityFiles: readonly string[];
  readonly hasOnlyFiles: boolean;
  /** Path of the agent's socket. */
  readonly agent: string | undefined;
  readonly acceptedAlgorithms: readonly string[];
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
  readonly isQuiet: boolean;
}

/** Options whose values `ssh -G` tells without their quotes, so that words run together. */
const UNQUOTED = ["userknownhostsfile", "globalknownhostsfile", "setenv"];

/**
 * @param options of the command line
 * @throws {Refusal} the configuration demands what the embedded ssh lacks
 * @throws {TokenProblem}
 */
export function readSettings(
  configuration: SshConfiguration,
  usual: SshConfiguration,
  options: readonly string[],
): SshSettings {
  refuseOptions(configuration, usual);
  refuseQuotes(options);
  const one = (name: string): string => configuration.get(name)?.[0] ?? "";
  const number = (name: string): number => Number(one(name)) || 0;
  const offer = offerOf(configuration, usual);
  if ("refusal" in offer) throw new Refusal(offer.refusal);
  const jump = one("proxyjump") === "none" ? "" : one("proxyjump");
  const place: TokenValues = {
    name: one("host"),
    hostname: one("hostname"),
    port: number("port"),
    user: one("user"),
    alias: optional(one("hostkeyalias")),
    jump,
  };
  const [rekeyBytes = "0", rekeySeconds = "0"] = one("rekeylimit").split(" ");
  return {
    ...place,
    family: ({ inet: 4, inet6: 6 } as const)[one("addressfamily")] ?? 0,
    bindAddress: optional(one("bindaddress")),
    connectSeconds: number("connecttimeout") || undefined,
    attempts: Math.max(1, number("connectionattempts")),
    keepsAlive: isYes(one("tcpkeepalive")),
    proxyCommand: optional(one("proxycommand")),
    jumps: jump === "" ? [] : jump.split(","),
    hostKey: hostKeySettings(configuration, place),
    login: loginSettings(configuration, place),
    offer,
    aliveSeconds: number("serveraliveinterval"),
    aliveCount: number("serveralivecountmax"),
    rekeyBytes: Number(rekeyBytes) || 0,
    rekeySeconds: Number(rekeySeconds) || 0,
    environment: environmentOf(configuration),
    isQuiet: ["SILENT", "QUIET", "FATAL"].includes(one("loglevel").toUpperCase()),
  };
}

function hostKeySettings(configuration: SshConfiguration, place: TokenValues): HostKeySettings {
  const one = (name: string): string => configuration.get(name)?.[0] ?? "";
  const files = (name: string): string[] =>
    one(name)
      .split(" ")
      .filter((file) => optional(file) !== undefined);
  const revoked = optional(one("revokedhostkeys"));
  return {
    strict: readStrict(one("stricthostkeychecking")),
    userFiles: files("userknownhostsfile"),
    globalFiles: files("globalknownhostsfile"),
    command: optional(one("knownhostscommand")),
    revoked: revoked && expandPath(revoked, place),
    isHashed: isYes(one("hashknownhosts")),
    fingerprint: one("fingerprinthash").toUpperCase() === "MD5" ? "md5" : "sha256",
    checksAddress: isYes(one("checkhostip")),
    trustsLocalhost: isYes(one("nohostauthenticationforlocalhost")),
    minimumRsaBits: Number(one("requiredrsasize")) || 0,
    learnsKeys: isYes(one("updatehostkeys")),
  };
}

function loginSettings(configuration: SshConfiguration, place: TokenValues): LoginSettings {
  const one = (name: string): string => configuration.get(name)?.[0] ?? "";
  const isAllowed = {
    publickey: one("pubkeyauthentication") !== "no" && one("pubkeyauthentication") !== "false",
    "keyboard-interactive": isYes(one("kbdinteractiveauthentication")),
    password: isYes(one("passwordauthentication")),
  } as const;
  const preferred = (optional(one("preferredauthentications")) ?? USUAL_METHODS).split(",");
  const methods = preferred.filter((method) => method in isAllowed) as (keyof typeof isAllowed)[];
  const files = (configuration.get("identityfile") ?? []).filter((file) => file !== "none");
  return {
    isBatch: isYes(one("batchmode")),
    methods: methods.filter((method) => isAllowed[method]),
    prompts: Math.max(1, Number(one("numberofpasswordprompts")) || 0),
    identityFiles: files.map((file) => expandPath(file, place)),
    hasOnlyFiles: isYes(one("identitiesonly")),
    agent: readAgent(configuration.get("identityagent")?.[0]),
    acceptedAlgorithms: one("pubkeyacceptedalgorithms").split(","),
  };
}

const USUAL_METHODS = "publickey,keyboard-interactive,password";

/** `SSH_AUTH_SOCK` and `$NAME` stand for variables. */
function readAgent(value: string | undefined): string | undefined {
  if (value === undefined || value === "SSH_AUTH_SOCK") return process.env["SSH_AUTH_SOCK"];
  if (value.startsWith("$")) return process.env[value.slice(1).replace(/^\{(.*)\}$/, "$1")];
  return optional(value);
}

/** A variable that the user sets goes before one that is only passed on. */
function environmentOf(configuration: SshConfiguration): Record<string, string> {
  const found: Record<string, string> = {};
  const patterns = (configuration.get("sendenv") ?? []).map((text) => new Bun.Glob(text));
  for (const [name, value = ""] of Object.entries(process.env)) {
    if (patterns.some((pattern) => pattern.match(name))) found[name] = value;
  }
  for (const pair of configuration.get("setenv") ?? []) {
    const at = pair.indexOf("=");
    if (at > 0) found[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return found;
}

/** @throws {Refusal} */
function refuseOptions(configuration: SshConfiguration, usual: SshConfiguration): void {
  for (const [name, values] of configuration) {
    const spelt = SPELT.get(name);
    const isUsual = values.join("\n") === usual.get(name)?.join("\n");
    if (spelt === undefined) {
      if (isUsual) continue;
      throw new Refusal(`it does not know the option ${name}`);
    }
    const treatment = OPTIONS[spelt];
    if (treatment?.as !== "refused") continue;
    const value = values.find((one) => !treatment.unless.includes(one));
    if (value !== undefined) throw new Refusal(`${spelt} ${value}: ${treatment.note}`);
  }
}

const SPELT: ReadonlyMap<string, string> = new Map(
  Object.keys(OPTIONS).map((name) => [name.toLowerCase(), name]),
);

/** @throws {Refusal} */
function refuseQuotes(options: readonly string[]): void {
  for (const name of UNQUOTED) {
    const value = namedValues(options, name).find((text) => /["'\\]/.test(text));
    if (value === undefined) continue;
    throw new Refusal(`${SPELT.get(name)} ${value}: ssh -G does not tell where a word ends`);
  }
}

function readStrict(value: string): HostKeySettings["strict"] {
  if (value === "true" || value === "yes") return "yes";
  if (value === "accept-new" || value === "ask") return value;
  return value === "" ? "ask" : "no"; // `false`, `no` and `off` are one
}

function isYes(value: string): boolean {
  return value === "yes" || value === "true";
}

function optional(value: string): string | undefined {
  return value === "" || value === "none" ? undefined : value;
}
