/**
 * Whether a host key is the right one, by ssh's rules and in ssh's words: the known-hosts files,
 * StrictHostKeyChecking, a question to a person. Nothing is sent to a host before that.
 */
import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { dirname } from "node:path";
import type { Asker } from "../launch/child.ts";
import {
  changedText,
  fingerprintOf,
  kindOf,
  questionText,
  RULE,
  revokedText,
} from "./host-key-words.ts";
import {
  type HostKey,
  hostKeyOf,
  hostWithPort,
  type KnownKey,
  knownHostsLine,
  knownKeys,
  namesOf,
} from "./known-hosts.ts";
import type { HostKeySettings, SshSettings } from "./settings.ts";
import { expandTokens } from "./tokens.ts";

/** What is decided of a key. */
export interface Verdict {
  readonly isAccepted: boolean;
  /** Whether a password would be given to the wrong host. */
  readonly isDoubtful: boolean;
}

interface Talk {
  /** Gets what ssh would print. */
  readonly say: (text: string) => void;
  readonly asker: Asker | undefined;
  /** Ends a program that tells of known hosts. */
  readonly signal: AbortSignal;
}

const REFUSED: Verdict = { isAccepted: false, isDoubtful: true };
const TRUSTED: Verdict = { isAccepted: true, isDoubtful: false };
const FAILED = "Host key verification failed.\r\n";

export class HostKeyCheck {
  readonly #settings: SshSettings;
  readonly #say: (text: string) => void;
  readonly #asker: Asker | undefined;
  readonly #signal: AbortSignal;
  readonly #known: readonly KnownKey[];
  /** The user's file that has the host's key, by the host's own name. */
  #file: string | undefined;

  /** @throws {KnownHostsProblem} */
  static async begin(settings: SshSettings, talk: Talk): Promise<HostKeyCheck> {
    const known = fromFiles(settings.hostKey, nameOf(settings));
    const printed = await fromCommand(settings, { reason: "ORDER", signal: talk.signal });
    return new HostKeyCheck(settings, talk, [...known, ...printed]);
  }

  private constructor(settings: SshSettings, talk: Talk, known: readonly KnownKey[]) {
    this.#settings = settings;
    this.#say = talk.say;
    this.#asker = talk.asker;
    this.#signal = talk.signal;
    this.#known = known;
  }

  /** @returns the types of keys that are known for the host: a server is asked for these first */
  get knownTypes(): readonly string[] {
    return [...new Set(this.#known.filter(({ marker }) => !marker).map(({ type }) => type))];
  }

  /** @param address of the server; undefined behind a proxy */
  async verify(blob: Buffer, key: HostKey, address: string | undefined): Promise<Verdict> {
    const settings = this.#settings;
    const { hostKey } = settings;
    if (isRevokedIn(hostKey.revoked, key, this.#say)) return this.#fail();
    const bits = rsaBits(blob, key);
    if (bits !== undefined && bits < hostKey.minimumRsaBits) {
      this.#say(`Bad server host key: Invalid key length\r\n`);
      return REFUSED;
    }
    const query = { reason: "HOSTNAME", key, signal: this.#signal } as const;
    const known = [...this.#known, ...(await fromCommand(settings, query))];
    const found = judge(known, key);
    if (found.is === "revoked") {
      this.#say(revokedText(key, nameOf(settings), found.place));
      return this.#fail();
    }
    if (found.is === "known") {
      this.#file = fileOf(found, hostKey.userFiles);
      return this.#checkAddress(key, address);
    }
    const isHere = settings.hostname === "localhost" || isLoopback(address);
    if (hostKey.trustsLocalhost && isHere) return TRUSTED;
    if (found.is === "changed") return this.#changed(key, found.place);
    // ssh takes a key that is known for the host at its usual port.
    const { alias, hostname, port } = settings;
    if (alias === undefined && port !== 22) {
      const atUsualPort = judge(fromFiles(hostKey, hostname.toLowerCase()), key);
      if (atUsualPort.is === "known") return TRUSTED;
    }
    return this.#unknown(key, address, known);
  }

  /**
   * Learns further keys of a host whose key was known, as ssh does with UpdateHostKeys. The server
   * has proved to have them.
   */
  learn(blobs: readonly Buffer[]): void {
    const { isHashed, learnsKeys } = this.#settings.hostKey;
    const file = this.#file;
    if (!learnsKeys || file === undefined) return;
    const name = nameOf(this.#settings);
    const known = knownKeys(readText(file), name, file);
    const lines = blobs
      .map(hostKeyOf)
      .filter(({ type, key }) => !known.some((one) => one.type === type && one.key === key))
      .map((key) => knownHostsLine(name, key, isHashed));
    if (lines.length > 0) appendLines(file, lines.join(""));
  }

  /** An address that is known by another key is a sign of a machine in between. */
  #checkAddress(key: HostKey, address: string | undefined): Verdict {
    const { hostKey, port, hostname } = this.#settings;
    // ssh does not look at addresses of this machine, nor at those that the user gave.
    const isApart = address === undefined || address === hostname || isLoopback(address);
    if (!hostKey.checksAddress || isApart) return TRUSTED;
    const { is, place } = judge(fromFiles(hostKey, hostWithPort(address, port)), key);
    if (is !== "changed" && is !== "revoked") return TRUSTED;
    this.#say(
      `${RULE}\r\n@       WARNING: POSSIBLE DNS SPOOFING DETECTED!          @\r\n${RULE}\r\n` +
        `The ${kindOf(key)} host key for ${hostname} differs from the key for the IP address ` +
        `${address}.\r\nOffending key for IP in ${place}\r\n`,
    );
    return hostKey.strict === "no" ? { isAccepted: true, isDoubtful: true } : this.#fail();
  }

  #changed(key: HostKey, place: string): Verdict {
    const { hostKey } = this.#settings;
    const [file] = hostKey.userFiles;
    this.#say(changedText(key, fingerprintOf(key, hostKey), file ?? "known_hosts", place));
    if (hostKey.strict === "no") {
      this.#say(
        "Password authentication is disabled to avoid man-in-the-middle attacks.\r\n" +
          "Keyboard-interactive authentication is disabled to avoid man-in-the-middle attacks.\r\n",
      );
      return { isAccepted: true, isDoubtful: true };
    }
    this.#say(
      `Host key for ${nameOf(this.#settings)} has changed and you have requested strict ` +
        "checking.\r\n",
    );
    return this.#fail();
  }

  async #unknown(
    key: HostKey,
    address: string | undefined,
    known: readonly KnownKey[],
  ): Promise<Verdict> {
    const { hostKey, login } = this.#settings;
    const name = nameOf(this.#settings);
    if (known.some(({ marker }) => marker === "@cert-authority")) {
      this.#say("The embedded ssh cannot verify certificates of hosts (@cert-authority).\r\n");
    }
    if (hostKey.strict === "yes") {
      this.#say(
        `No ${kindOf(key)} host key is known for ${name} and you have requested strict ` +
          "checking.\r\n",
      );
      return this.#fail();
    }
    if (hostKey.strict === "ask") {
      const isBatch = login.isBatch || this.#asker === undefined;
      if (isBatch || !(await this.#ask(key, name, address))) return this.#fail();
    }
    this.#learn(key, name);
    return TRUSTED;
  }

  /** A fingerprint as the answer says yes to that key alone. */
  async #ask(key: HostKey, name: string, address: string | undefined): Promise<boolean> {
    const { hostKey, port } = this.#settings;
    const print = fingerprintOf(key, hostKey);
    const others = allFiles(hostKey).flatMap((file) => namesOf(readText(file), key, file));
    const at = address === undefined ? "" : hostWithPort(address, port);
    let question = questionText(key, print, { name, at, others });
    for (;;) {
      const secret = await this.#asker?.ask(question);
      if (secret === undefined) return false;
      const answer = Buffer.from(secret.line()).toString().trim();
      secret.wipe();
      if (/^yes$/i.test(answer) || answer === print) return true;
      if (answer === "" || /^no$/i.test(answer)) return false;
      question = "Please type 'yes', 'no' or the fingerprint: ";
    }
  }

  #learn(key: HostKey, name: string): void {
    const { isHashed, userFiles } = this.#settings.hostKey;
    const [file] = userFiles;
    if (file === undefined || file === "/dev/null") return;
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      appendLines(file, knownHostsLine(name, key, isHashed));
      this.#say(
        `Warning: Permanently added '${name}' (${kindOf(key)}) to the list of known hosts.\r\n`,
      );
    } catch {
      this.#say(`Failed to add the host to the list of known hosts (${file}).\r\n`);
    }
  }

  #fail(): Verdict {
    this.#say(FAILED);
    return REFUSED;
  }
}

/** @throws the system's error */
function appendLines(file: string, lines: string): void {
  const isCut = /[^\n]$/.test(readText(file));
  appendFileSync(file, (isCut ? "\n" : "") + lines, { mode: 0o600 });
}

/** @returns the user's file that a key was found in; undefined: another, or by a pattern */
function fileOf({ place, isPattern }: Judgement, userFiles: readonly string[]): string | undefined {
  if (isPattern === true) return undefined;
  return userFiles.find((file) => place.startsWith(`${file}:`));
}

interface Judgement {
  readonly is: "known" | "changed" | "revoked" | "new";
  readonly isPattern?: boolean;
  /** The line that tells. */
  readonly place: string;
}

/** A revoked line counts first. Where another key of the same type is known, the key is changed. */
function judge(known: readonly KnownKey[], { type, key }: HostKey): Judgement {
  const isSame = (one: KnownKey): boolean => one.type === type && one.key === key;
  const revoked = known.find((one) => one.marker === "@revoked" && isSame(one));
  if (revoked !== undefined) return { is: "revoked", place: revoked.place };
  const plain = known.filter(({ marker }) => marker === undefined);
  const same = plain.find(isSame);
  if (same !== undefined) return { is: "known", place: same.place, isPattern: same.isPattern };
  const other = plain.find((one) => one.type === type);
  return other === undefined ? { is: "new", place: "" } : { is: "changed", place: other.place };
}

function nameOf({ alias, hostname, port }: SshSettings): string {
  return alias ?? hostWithPort(hostname.toLowerCase(), port);
}

function allFiles({ userFiles, globalFiles }: HostKeySettings): string[] {
  return [...userFiles, ...globalFiles];
}

function fromFiles(settings: HostKeySettings, host: string): KnownKey[] {
  return allFiles(settings).flatMap((file) => knownKeys(readText(file), host, file));
}

function readText(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

interface Query {
  readonly reason: "ORDER" | "HOSTNAME";
  readonly key?: HostKey;
  readonly signal: AbortSignal;
}

/** KnownHostsCommand prints lines of a known-hosts file. It is started without a shell. */
async function fromCommand(
  settings: SshSettings,
  { reason, key, signal }: Query,
): Promise<KnownKey[]> {
  const { command } = settings.hostKey;
  if (command === undefined) return [];
  const name = nameOf(settings);
  const own = {
    f: key === undefined ? "NONE" : fingerprintOf(key, settings.hostKey),
    H: name,
    I: reason,
    K: key?.key ?? "NONE",
    t: key?.type ?? "NONE",
  };
  const argv = splitWords(command).map((word) => expandTokens(word, settings, own));
  const child = Bun.spawn(argv, { stdio: ["ignore", "pipe", "inherit"], signal });
  const text = await child.stdout.text();
  const status = await child.exited;
  if (status !== 0) throw new KnownHostsProblem(`${argv[0]} ended with status ${status}`);
  return knownKeys(text, name, "KnownHostsCommand");
}

/** KnownHostsCommand failed: the host is refused, as by ssh. */
export class KnownHostsProblem extends Error {}

/** Words as ssh splits them: quotes hold a word together. */
function splitWords(text: string): string[] {
  const words = text.match(/(?:[^\s"']+|"(?:[^"\\]|\\.)*"|'[^']*')+/g) ?? [];
  return words.map((word) =>
    word.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, (_all, double?: string, single?: string) =>
      double === undefined ? (single ?? "") : double.replace(/\\(.)/g, "$1"),
    ),
  );
}

/** RevokedHostKeys: a file that cannot be read refuses every key, as with ssh. */
function isRevokedIn(
  file: string | undefined,
  { type, key }: HostKey,
  say: (text: string) => void,
): boolean {
  if (file === undefined) return false;
  let text: string;
  try {
    text = readFileSync(file, "latin1");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    say(`Error checking host key in revoked keys file ${file}: ${why}\r\n`);
    return true;
  }
  if (text.startsWith("SSHKRL\n\0")) {
    say(`RevokedHostKeys ${file}: the embedded ssh reads no binary list\r\n`);
    return true;
  }
  const isListed = text.split("\n").some((line) => line.includes(`${type} ${key}`));
  if (isListed) say(`Host key ${kindOf({ type, key })} is revoked by file ${file}\r\n`);
  return isListed;
}

/** @returns the length of an RSA key; undefined: it is another key */
function rsaBits(blob: Buffer, { type }: HostKey): number | undefined {
  if (type !== "ssh-rsa") return undefined;
  const exponentAt = 4 + blob.readUInt32BE(0);
  const modulusAt = exponentAt + 4 + blob.readUInt32BE(exponentAt);
  const modulus = blob.subarray(modulusAt + 4, modulusAt + 4 + blob.readUInt32BE(modulusAt));
  const first = modulus.findIndex((byte) => byte !== 0);
  return (modulus.length - first) * 8 - Math.clz32(modulus[first] ?? 0) + 24;
}

function isLoopback(address: string | undefined): boolean {
  if (address === undefined || isIP(address) === 0) return false;
  return address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.");
}
