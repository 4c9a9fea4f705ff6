/**
 * The format of known_hosts files, from sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". A line has an
 * optional marker, names, the type of a key and the key. Text in, text out: reads and writes no
 * file.
 */
import { createHmac, randomBytes } from "node:crypto";

/** A host key as a server shows it. */
export interface HostKey {
  /** `ssh-ed25519`; `ssh-rsa` for each signature of an RSA key. */
  readonly type: string;
  /** In base64. */
  readonly key: string;
}

/** A line that holds a key. */
export interface KnownKey extends HostKey {
  readonly marker: "@revoked" | "@cert-authority" | undefined;
  /** Hosts as the line names them: `web1,192.0.2.1`, `*.example.org`, `|1|…|…`. */
  readonly names: string;
  /** Where it stands, for messages: `/home/ada/.ssh/known_hosts:3`. */
  readonly place: string;
}

const HASHED = /^\|1\|([^|]+)\|(.+)$/;
const MARKERS: readonly (string | undefined)[] = ["@revoked", "@cert-authority", undefined];

/**
 * @param file its name, for messages
 * @returns the lines that hold a key. A line with an unknown marker is none of them: it must not be
 *   taken for a line without a marker.
 */
export function parseKnownHosts(text: string, file: string): KnownKey[] {
  return text.split("\n").flatMap((line, at) => {
    const known = parseLine(line, `${file}:${at + 1}`);
    return known === undefined ? [] : [known];
  });
}

function parseLine(line: string, place: string): KnownKey | undefined {
  const words = line.trim().split(/[ \t]+/);
  if (words[0]?.startsWith("#") === true) return undefined;
  const marker = words[0]?.startsWith("@") === true ? words.shift() : undefined;
  const [names = "", type = "", key = ""] = words;
  if (key === "" || !MARKERS.includes(marker)) return undefined;
  return { marker: marker as KnownKey["marker"], names, type, key, place };
}

/**
 * @param host as known_hosts names it: `web1`, or `[web1]:2222`
 * @returns the host's lines. A line whose key is damaged is none of them, as for ssh.
 */
export function knownKeys(text: string, host: string, file: string): KnownKey[] {
  return parseKnownHosts(text, file).filter((line) => isNamed(line.names, host) && isWhole(line));
}

/**
 * Removes the lines without a marker that name a host and hold a key other than these.
 *
 * @param hosts the host's name and its address
 * @returns the text that is left
 */
export function withoutOtherKeys(
  text: string,
  hosts: readonly string[],
  keys: readonly HostKey[],
): string {
  const isKept = (line: string): boolean => {
    const known = parseLine(line, "");
    if (known === undefined || known.marker !== undefined) return true;
    if (!hosts.some((host) => isNamed(known.names, host)) || !isWhole(known)) return true;
    return keys.some((key) => isSameKey(key, known));
  };
  return text.split("\n").filter(isKept).join("\n");
}

/** Whether a key is of its type, and consists of whole parts (RFC 4253, section 6.6). */
function isWhole({ type, key }: HostKey): boolean {
  const blob = Buffer.from(key, "base64");
  let at = 0;
  let count = 0;
  for (; at + 4 <= blob.length; count++) at += 4 + blob.readUInt32BE(at);
  return count > 1 && at === blob.length && hostKeyOf(blob).type === type;
}

export function isSameKey(one: HostKey, other: HostKey): boolean {
  return one.type === other.type && one.key === other.key;
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

/**
 * @param hosts the host's name, and its address if that is to be known, too
 * @returns a line for the key; with hashed names one for each name
 */
export function knownHostsLines(
  hosts: readonly string[],
  { type, key }: HostKey,
  isHashed: boolean,
): string {
  const names = isHashed ? hosts.map((host) => hashed(host, randomBytes(20))) : [hosts.join(",")];
  return names.map((name) => `${name} ${type} ${key}\n`).join("");
}

function hashed(host: string, salt: Buffer): string {
  const hash = createHmac("sha1", salt).update(host).digest("base64");
  return `|1|${salt.toString("base64")}|${hash}`;
}

/** A name that is excluded by `!` excludes the host from the whole line. */
export function isNamed(names: string, host: string): boolean {
  const [, salt] = HASHED.exec(names) ?? [];
  if (salt !== undefined) return names === hashed(host, Buffer.from(salt, "base64"));
  let isFound = false;
  for (const name of names.toLowerCase().split(",")) {
    const isExcluded = name.startsWith("!");
    if (!matchesPattern(isExcluded ? name.slice(1) : name, host.toLowerCase())) continue;
    if (isExcluded) return false;
    isFound = true;
  }
  return isFound;
}

/** Whether ssh wrote the names: it writes a name, or a name and an address. */
export function isWrittenBySsh(names: string): boolean {
  return !/[*?]/.test(names) && names.split(",").length <= 2;
}

/** @param pattern `*` stands for any characters, `?` for one; brackets stand for themselves */
export function matchesPattern(pattern: string, text: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === text;
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  const source = escaped.replace(/\*+/g, ".*").replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s").test(text);
}
