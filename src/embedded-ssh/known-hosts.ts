/**
 * The format of known_hosts files, from sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". A line has an
 * optional marker, names, the type of a key and the key. Text in, text out: reads and writes no
 * file.
 */
import { createHmac, randomBytes } from "node:crypto";

export interface KnownKey {
  readonly marker: "@revoked" | "@cert-authority" | undefined;
  readonly type: string;
  /** In base64. */
  readonly key: string;
  /** Where it stands, for messages: `/home/ada/.ssh/known_hosts:3`. */
  readonly place: string;
  /** Whether the line is for several hosts. */
  readonly isPattern: boolean;
}

/** A host key as a server shows it. */
export interface HostKey {
  /** `ssh-ed25519`; `ssh-rsa` for each signature of an RSA key. */
  readonly type: string;
  readonly key: string;
}

const HASHED = /^\|1\|([^|]+)\|(.+)$/;

/**
 * @param host as known_hosts names it: `web1`, or `[web1]:2222`
 * @param file its name, for messages
 */
export function knownKeys(text: string, host: string, file: string): KnownKey[] {
  return text.split("\n").flatMap((line, at): KnownKey[] => {
    const words = line.trim().split(/[ \t]+/);
    if (words[0] === undefined || words[0] === "" || words[0].startsWith("#")) return [];
    const marker = words[0].startsWith("@") ? words.shift() : undefined;
    const [names = "", type = "", key = ""] = words;
    if (key === "" || !isNamed(names, host)) return [];
    // A line with a marker that is not known must not be taken for one without.
    if (marker !== undefined && marker !== "@revoked" && marker !== "@cert-authority") return [];
    return [{ marker, type, key, place: `${file}:${at + 1}`, isPattern: /[*?!]/.test(names) }];
  });
}

/** Names that a key stands by. */
export interface NamedKey {
  readonly names: string;
  readonly place: string;
}

/** @returns the lines that have this key, by whichever names */
export function namesOf(text: string, { type, key }: HostKey, file: string): NamedKey[] {
  return text.split("\n").flatMap((line, at): NamedKey[] => {
    const [names = "", ownType, ownKey] = line.trim().split(/[ \t]+/);
    if (ownType !== type || ownKey !== key) return [];
    return [{ names, place: `${file}:${at + 1}` }];
  });
}

/** @returns how known_hosts names a host */
export function hostWithPort(host: string, port: number): string {
  return port === 22 ? host : `[${host}]:${port}`;
}

/** @param blob a public key as ssh sends it: its type comes first */
export function hostKeyOf(blob: Buffer): HostKey {
  const length = blob.readUInt32BE(0);
  return { type: blob.toString("latin1", 4, 4 + length), key: blob.toString("base64") };
}

/** A line for a key that a person has accepted. */
export function knownHostsLine(host: string, { type, key }: HostKey, isHashed: boolean): string {
  return `${isHashed ? hashed(host, randomBytes(20)) : host} ${type} ${key}\n`;
}

function hashed(host: string, salt: Buffer): string {
  const hash = createHmac("sha1", salt).update(host).digest("base64");
  return `|1|${salt.toString("base64")}|${hash}`;
}

/** One name that is excluded by `!` excludes the host from the whole line. */
function isNamed(names: string, host: string): boolean {
  const [, salt] = HASHED.exec(names) ?? [];
  if (salt !== undefined) return names === hashed(host, Buffer.from(salt, "base64"));
  let isFound = false;
  for (const name of names.toLowerCase().split(",")) {
    const isExcluded = name.startsWith("!");
    if (!patternMatches(isExcluded ? name.slice(1) : name, host.toLowerCase())) continue;
    if (isExcluded) return false;
    isFound = true;
  }
  return isFound;
}

/** `*` stands for any characters, `?` for one. Brackets mean themselves. */
function patternMatches(pattern: string, host: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  const source = escaped.replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s").test(host);
}
