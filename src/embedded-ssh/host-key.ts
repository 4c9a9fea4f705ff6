/**
 * HostKeyCheck: decides whether a server's host key is accepted, by ssh's rules and in ssh's words.
 * The known-hosts files, StrictHostKeyChecking and a person's answer decide. Nothing is sent to a
 * server before that.
 */
import { isIP } from "node:net";
import type { Asker } from "../launch/child.ts";
import { Refusal } from "./failures.ts";
import { updateHostKeys } from "./host-key-update.ts";
import {
  addressText,
  changedText,
  fingerprintOf,
  isYes,
  keyTypeOf,
  NO_AGENT,
  NO_PASSWORDS,
  questionText,
  revokedText,
} from "./host-key-words.ts";
import { type HostKey, hostKeyOf, hostWithPort, isSameKey, type KnownKey } from "./known-hosts.ts";
import {
  askKnownHostsCommand,
  COMMAND_PLACE,
  KnownHostsFiles,
  type Query,
} from "./known-hosts-files.ts";
import { revocationOf, rsaBits } from "./public-key-rules.ts";
import type { SshSettings } from "./settings.ts";

/** The decision about a key. */
export interface Verdict {
  readonly isAccepted: boolean;
  /** Whether the server may be another than the known one: it must not get a password. */
  readonly isDoubtful: boolean;
}

interface Talk {
  /** Gets the text that ssh would print. */
  readonly say: (text: string) => void;
  readonly asker: Asker | undefined;
  /** Ends a KnownHostsCommand that runs. */
  readonly signal: AbortSignal;
}

/** The result of comparing a key with the known hosts. */
interface Judgement {
  readonly is: "known" | "changed" | "revoked" | "new";
  /** The line that says so; absent for a new key. */
  readonly line?: KnownKey;
}

const REFUSED: Verdict = { isAccepted: false, isDoubtful: true };
const DOUBTFUL: Verdict = { isAccepted: true, isDoubtful: true };
const TRUSTED: Verdict = { isAccepted: true, isDoubtful: false };
/** Characters with a meaning in known_hosts. A name that has one of them is not recorded. */
const UNRECORDABLE = /[@?*#[\]|'"\\\s,]/;

export class HostKeyCheck {
  readonly #settings: SshSettings;
  readonly #talk: Talk;
  readonly #files: KnownHostsFiles;
  /** Keys that were known before the server has shown one. */
  readonly #known: readonly KnownKey[];
  /** Whether the server's further keys may be written to the user's files. */
  #mayUpdate = false;
  /** The host's names in the user's files: its name, and its address if that is checked. */
  #hosts: readonly string[] = [];

  /** @throws {KnownHostsProblem}, {Refusal} */
  static async begin(settings: SshSettings, talk: Talk): Promise<HostKeyCheck> {
    const files = new KnownHostsFiles(settings.hostKey);
    const host = nameOf(settings);
    // As ssh, it is not asked for the order if the user has chosen one.
    const printed = settings.offer.hasOwnKeyOrder
      ? []
      : await askKnownHostsCommand(settings, { reason: "ORDER", host, ...talk });
    const known = [...files.keysOf(host), ...printed];
    const authority = known.find(({ marker }) => marker === "@cert-authority");
    // ssh would accept a certificate alone. A plain key would be a weaker proof, or none.
    if (authority !== undefined && known.every(({ marker }) => marker !== undefined)) {
      throw new Refusal(
        `${authority.place} says @cert-authority: it cannot verify certificates of hosts`,
      );
    }
    return new HostKeyCheck(settings, talk, files, known);
  }

  private constructor(
    settings: SshSettings,
    talk: Talk,
    files: KnownHostsFiles,
    known: readonly KnownKey[],
  ) {
    this.#settings = settings;
    this.#talk = talk;
    this.#files = files;
    this.#known = known;
  }

  /** @returns the types of keys that are known for the host: a server is asked for these first */
  get knownTypes(): readonly string[] {
    const known = this.#known.filter((one) => judge(this.#known, one).is === "known");
    return [...new Set(known.map(({ type }) => type))];
  }

  /**
   * @param address of the server; undefined behind a proxy
   * @throws {KnownHostsProblem}
   */
  async verify(blob: Buffer, address: string | undefined): Promise<Verdict> {
    const { hostKey, alias } = this.#settings;
    const key = hostKeyOf(blob);
    const revocation = revocationOf(hostKey.revoked, key);
    if (revocation !== undefined) return this.#fail(`${revocation}\r\n`);
    const bits = rsaBits(blob);
    if (bits !== undefined && bits < hostKey.minimumRsaBits) {
      this.#talk.say("Bad server host key: Invalid key length\r\n");
      return REFUSED;
    }
    const isHere = isLoopback(address) && alias === undefined;
    if (hostKey.trustsLocalhost && isHere) return TRUSTED;
    return this.#check(key, address);
  }

  /** Learns the keys that a server has proved to have, as ssh does with UpdateHostKeys. */
  update(blobs: readonly Buffer[]): void {
    if (!this.#mayUpdate) return;
    const keys = blobs.map(hostKeyOf);
    updateHostKeys(this.#settings.hostKey, { files: this.#files, hosts: this.#hosts, keys });
  }

  async #check(key: HostKey, address: string | undefined): Promise<Verdict> {
    const { hostKey } = this.#settings;
    const name = nameOf(this.#settings);
    const found = judge([...this.#known, ...(await this.#ask("HOSTNAME", name, key))], key);
    const at = this.#addressToCheck(address);
    const atAddress =
      at === undefined
        ? undefined
        : judge([...this.#files.keysOf(at), ...(await this.#ask("ADDRESS", at, key))], key);
    this.#hosts = at === undefined ? [name] : [name, at];
    const verdict = await this.#decide(key, found, { address, at, atAddress });
    const isOther = at !== undefined && found.is !== "changed" && atAddress?.is === "changed";
    if (!verdict.isAccepted || !isOther) return verdict;
    const text = addressText(key, name, at, { address: atAddress?.line, name: found.line });
    if (hostKey.strict === "ask") {
      const question = `${text}\nAre you sure you want to continue connecting (yes/no)? `;
      return (await this.#confirm(question)) ? verdict : this.#fail();
    }
    this.#talk.say(`${text}\r\n`);
    if (hostKey.strict === "no") return verdict;
    return this.#fail("Exiting, you have requested strict checking.\r\n");
  }

  #decide(
    key: HostKey,
    found: Judgement,
    where: {
      address: string | undefined;
      at: string | undefined;
      atAddress?: Judgement | undefined;
    },
  ): Verdict | Promise<Verdict> {
    const isNewAddress = where.atAddress?.is === "new";
    switch (found.is) {
      case "known":
        this.#isKnown(found.line, where.atAddress?.line);
        if (isNewAddress && found.line?.place !== COMMAND_PLACE) this.#learnAddress(key, where.at);
        return TRUSTED;
      case "new":
        return this.#new(key, where.address, isNewAddress ? where.at : undefined);
      default:
        return this.#mismatch(key, found);
    }
  }

  /** Keys that the system's administrator or a command provides are not this user's to update. */
  #isKnown(line: KnownKey | undefined, atAddress: KnownKey | undefined): void {
    const isOfUser = line !== undefined && this.#files.isOfUser(line);
    const isElsewhere = atAddress !== undefined && !this.#files.isOfUser(atAddress);
    this.#mayUpdate = isOfUser && !isElsewhere;
  }

  /** @returns the address as known_hosts has it; undefined: ssh would not check it */
  #addressToCheck(address: string | undefined): string | undefined {
    const { hostKey, hostname, port } = this.#settings;
    if (!hostKey.checksAddress || address === undefined || isLoopback(address)) return undefined;
    const at = hostWithPort(address, port);
    return at === hostname.toLowerCase() ? undefined : at;
  }

  /** The known key is another one, or this one is revoked. */
  #mismatch(key: HostKey, { is, line }: Judgement): Verdict {
    const { hostKey } = this.#settings;
    const name = nameOf(this.#settings);
    const known = line as KnownKey;
    const isRevoked = is === "revoked";
    const text = isRevoked ? revokedText(key, name, known) : changedText(key, hostKey, known);
    this.#talk.say(text);
    if (hostKey.strict === "no") {
      this.#talk.say(NO_PASSWORDS);
      if (this.#settings.forwardedAgent !== undefined) this.#talk.say(NO_AGENT);
      return DOUBTFUL;
    }
    const what = isRevoked ? `${keyTypeOf(key)} host key for ${name} was revoked` : "";
    return this.#fail(
      `${what || `Host key for ${name} has changed`} and you have requested strict checking.\r\n`,
    );
  }

  /** @param at the address, if it is to be known, too */
  async #new(key: HostKey, address: string | undefined, at: string | undefined): Promise<Verdict> {
    const { hostKey, alias, hostname, port } = this.#settings;
    const name = nameOf(this.#settings);
    // ssh takes a key that is known for the host at its usual port.
    if (alias === undefined && port !== 22) {
      const atUsualPort = judge(this.#files.keysOf(hostname.toLowerCase()), key);
      if (atUsualPort.is === "known") return TRUSTED;
    }
    // As for ssh, `UserKnownHostsFile none` means that no new host is accepted.
    if (hostKey.userFiles.length === 0) return this.#fail();
    if (hostKey.strict === "yes") {
      return this.#fail(
        `No ${keyTypeOf(key)} host key is known for ${name} and you have requested strict ` +
          "checking.\r\n",
      );
    }
    if (hostKey.strict === "ask") {
      if (!(await this.#confirmNew(key, address))) return this.#fail();
      this.#mayUpdate = true;
    }
    this.#learn(key, at === undefined ? [name] : [name, at]);
    return TRUSTED;
  }

  async #confirmNew(key: HostKey, address: string | undefined): Promise<boolean> {
    const { hostKey, port } = this.#settings;
    const name = nameOf(this.#settings);
    const print = fingerprintOf(key, hostKey);
    const others = this.#files.linesWith(key);
    const at =
      address === undefined ? "<no hostip for proxy command>" : hostWithPort(address, port);
    return this.#confirm(questionText(key, print, { name, at, others }), print);
  }

  /** @param print a fingerprint that says yes to that key alone; undefined: nothing does */
  #confirm(text: string, print?: string): Promise<boolean> {
    const again = print === undefined ? "'yes' or 'no'" : "'yes', 'no' or the fingerprint";
    return isYes(this.#talk.asker, text, { again: `Please type ${again}: `, print });
  }

  #learn(key: HostKey, hosts: readonly string[]): void {
    const { alias, hostname, hostKey } = this.#settings;
    const [file] = hostKey.userFiles;
    try {
      if (alias === undefined && UNRECORDABLE.test(hostname)) return;
      if (this.#files.add(hosts, key) === undefined) return;
      this.#tell(
        `Warning: Permanently added '${hosts.join(",")}' (${keyTypeOf(key)}) to the list of known ` +
          "hosts.\r\n",
      );
    } catch {
      this.#tell(`Failed to add the host to the list of known hosts (${file}).\r\n`);
    }
  }

  #learnAddress(key: HostKey, at: string | undefined): void {
    if (at === undefined) return;
    const kind = keyTypeOf(key);
    try {
      if (this.#files.add([at], key) === undefined) return;
      this.#tell(
        `Warning: Permanently added the ${kind} host key for IP address '${at}' to the list of ` +
          "known hosts.\r\n",
      );
    } catch {
      this.#tell(`Failed to add the ${kind} host key for IP address '${at}'.\r\n`);
    }
  }

  /** Prints information, which LogLevel may hide. */
  #tell(text: string): void {
    if (!this.#settings.isQuiet) this.#talk.say(text);
  }

  #ask(reason: Query["reason"], host: string, key: HostKey): Promise<KnownKey[]> {
    const fingerprint = fingerprintOf(key, this.#settings.hostKey);
    const shown = { ...key, fingerprint };
    return askKnownHostsCommand(this.#settings, { reason, host, key: shown, ...this.#talk });
  }

  #fail(why = ""): Verdict {
    this.#talk.say(`${why}Host key verification failed.\r\n`);
    return REFUSED;
  }
}

/**
 * Compares a key with the known ones. A line that revokes it outweighs all others. If only other
 * keys are known, the key has changed, even if their types differ: a server that shows a key of an
 * unknown type may be another server.
 */
function judge(known: readonly KnownKey[], key: HostKey): Judgement {
  const revoked = known.find((one) => one.marker === "@revoked" && isSameKey(one, key));
  if (revoked !== undefined) return { is: "revoked", line: revoked };
  const plain = known.filter(({ marker }) => marker === undefined);
  const same = plain.find((one) => isSameKey(one, key));
  if (same !== undefined) return { is: "known", line: same };
  const other = plain.at(-1);
  return other === undefined ? { is: "new" } : { is: "changed", line: other };
}

function nameOf({ alias, hostname, port }: SshSettings): string {
  return alias?.toLowerCase() ?? hostWithPort(hostname.toLowerCase(), port);
}

function isLoopback(address: string | undefined): boolean {
  if (address === undefined || isIP(address) === 0) return false;
  return address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.");
}
