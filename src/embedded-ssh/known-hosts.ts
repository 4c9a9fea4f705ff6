/**
 * The format of known_hosts files, from sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". A line has an
 * optional marker, names, the type of a key and the key. Bytes in, text out: reads and writes no
 * file.
 *
 * A file may have hundreds of thousands of lines, and is searched for each host: a line becomes
 * text only if its bytes may be what is looked for.
 */
import { randomBytes } from "node:crypto";
import { matchesPattern } from "./patterns.ts";

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

/** Bytes with a meaning in a line. */
const NEWLINE = 10;
const SPACE = 32;
const HASH = 35;
const COMMA = 44;
/** At the beginning of a line: a marker, or hashed names. */
const [AT, PIPE] = [64, 124];
/** In a name: `!`, `*` and `?`. */
const PATTERN: readonly number[] = [33, 42, 63];
const NOT_ASCII = 128;

/**
 * A line with an unknown marker is none of the result: it must not be taken for a line without a
 * marker.
 *
 * @param hosts as known_hosts names them: `web1`, or `[web1]:2222`
 * @param file its name, for messages
 * @returns the lines that hold a key and name one of the hosts
 */
export function linesNaming(bytes: Buffer, hosts: readonly string[], file: string): KnownKey[] {
  const wanted = hosts.map((host) => ({
    host,
    lower: Buffer.from(host.toLowerCase(), "latin1"),
  }));
  const found: KnownKey[] = [];
  for (let [at, number] = [0, 1]; at < bytes.length; number++) {
    const newline = bytes.indexOf(NEWLINE, at);
    const end = newline < 0 ? bytes.length : newline;
    if (mayName(bytes, at, end, wanted)) {
      const line = parseLine(bytes.toString("latin1", at, end), `${file}:${number}`);
      if (line !== undefined && hosts.some((host) => isNamed(line.names, host))) found.push(line);
    }
    at = end + 1;
  }
  return found;
}

/** @returns the lines that hold the key, by any names */
export function linesHolding(bytes: Buffer, key: HostKey, file: string): KnownKey[] {
  const found: KnownKey[] = [];
  const wanted = Buffer.from(key.key, "latin1");
  /** Where the present line begins. */
  let [start, number] = [0, 1];
  for (let at = bytes.indexOf(wanted); at >= 0; ) {
    for (;;) {
      const newline = bytes.indexOf(NEWLINE, start);
      if (newline < 0 || newline > at) break;
      start = newline + 1;
      number++;
    }
    const newline = bytes.indexOf(NEWLINE, at);
    const end = newline < 0 ? bytes.length : newline;
    const line = parseLine(bytes.toString("latin1", start, end), `${file}:${number}`);
    if (line !== undefined && isSameKey(line, key)) found.push(line);
    at = bytes.indexOf(wanted, end);
  }
  return found;
}

/** A host that is looked for, and its bytes in lower case. */
interface Wanted {
  readonly host: string;
  readonly lower: Buffer;
}

/**
 * Whether the line may name one of the hosts. It is so for each line whose names are not plain:
 * with a marker, with a pattern, with spaces before it, or not ASCII.
 */
function mayName(bytes: Buffer, start: number, end: number, hosts: readonly Wanted[]): boolean {
  const first = bytes[start] ?? 0;
  if (first === HASH) return false;
  if (first <= SPACE || first === AT) return true;
  const isHashed = first === PIPE;
  let name = start;
  for (let at = start; ; at++) {
    const byte = at < end ? (bytes[at] ?? 0) : SPACE;
    if (byte <= SPACE || (byte === COMMA && !isHashed)) {
      for (const { host, lower } of hosts) {
        if (
          isHashed
            ? isNamed(bytes.toString("latin1", start, at), host)
            : isAt(bytes, name, at, lower)
        )
          return true;
      }
      if (byte !== COMMA) return false;
      name = at + 1;
    } else if (byte >= NOT_ASCII || PATTERN.includes(byte)) return true;
  }
}

/** Whether these bytes are the host, in either case. */
function isAt(bytes: Buffer, start: number, end: number, host: Buffer): boolean {
  if (end - start !== host.length) return false;
  for (let at = 0; at < host.length; at++) {
    const byte = bytes[start + at] ?? 0;
    const isUpper = byte >= 65 && byte <= 90;
    if ((isUpper ? byte + 32 : byte) !== host[at]) return false;
  }
  return true;
}

function parseLine(line: string, place: string): KnownKey | undefined {
  const words = line.trim().split(/[ \t]+/);
  if (words[0]?.startsWith("#") === true) return undefined;
  const marker = words[0]?.startsWith("@") === true ? words.shift() : undefined;
  const [names = "", type = "", key = ""] = words;
  if (key === "" || !MARKERS.includes(marker)) return undefined;
  return { marker: marker as KnownKey["marker"], names, type, key, place };
}

/** @returns the host's lines. A line whose key is damaged is none of them, as for ssh. */
export function knownKeys(bytes: Buffer, host: string, file: string): KnownKey[] {
  return linesNaming(bytes, [host], file).filter(isWhole);
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
  const hash = new Bun.CryptoHasher("sha1", salt).update(host).digest("base64");
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
