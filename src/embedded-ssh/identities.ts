/**
 * The keys that a server is offered, in ssh's order: those of the agent that a file names, the
 * agent's other keys, and those that only a file holds.
 */
import { BaseAgent, type ParsedKey, type SignCallback } from "ssh2";
import type { HeldKey } from "./agent-messages.ts";
import { answerTo } from "./answers.ts";
import type { BoundAgent } from "./bound-agent.ts";
import { Refusal } from "./failures.ts";
import {
  certificateOf,
  type Identity,
  identityOf,
  isCertificate,
  isOfSecurityKey,
  type KeyFile,
  type KeyFileUse,
  keyFileAt,
  parseKey,
  publicBlob,
} from "./key-file.ts";
import { hostKeyOf } from "./known-hosts.ts";
import { rsaBits } from "./public-key-rules.ts";
import type { LoginSettings } from "./settings.ts";

export interface Offered {
  /** Keys to try together; or a file whose key is known only when its passphrase is. */
  readonly rounds: readonly (readonly Identity[] | KeyFile)[];
  /** Why further keys are not offered, in sentences: they are told if the server refuses. */
  readonly left: readonly string[];
  /** The comment of a certificate that only the agent holds, and that ssh would offer. */
  readonly certificate: string | undefined;
}

export interface KeyUse extends KeyFileUse {
  /** The agent of the login; undefined: none is used. */
  readonly agent: BoundAgent | undefined;
}

/**
 * Signatures that the package makes with an RSA key, by their hashes. It takes SHA-512 only from a
 * server that lacks SHA-256, and SHA-1 from a server that names neither.
 */
const RSA_SIGNATURES: Readonly<Record<string, string>> = {
  sha256: "rsa-sha2-256",
  sha512: "rsa-sha2-512",
  sha1: "ssh-rsa",
};
/** Signatures by the keys of these certificates. Those of others are called like their types. */
const RSA_CERTIFICATES: Readonly<Record<string, readonly string[]>> = {
  "ssh-rsa-cert-v01@openssh.com": [
    "rsa-sha2-256-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
  ],
};
const NO_RSA = "PubkeyAcceptedAlgorithms has no rsa-sha2-256, which it signs with by RSA keys";

/**
 * Looks at the files alone, so that the answer is known before the server is.
 *
 * @throws {Refusal} a key has a certificate, which the server may insist on
 * @throws the system's error if this process can open no further file
 */
export function refuseCertificates({ methods, identityFiles }: LoginSettings): void {
  if (!methods.includes("publickey")) return;
  const certificate = identityFiles.map(certificateOf).find((file) => file !== undefined);
  if (certificate === undefined) return;
  throw new Refusal(`it cannot offer the certificate ${certificate}`);
}

/** @throws the system's error if this process can open no further file */
export async function offeredKeys(settings: LoginSettings, use: KeyUse): Promise<Offered> {
  const { identityFiles, hasOnlyFiles } = settings;
  const { agent } = use;
  // Without an agent there are the files: ssh does not complain either.
  const held = (await agent?.list().catch(() => [])) ?? [];
  const ofAgent = held.flatMap((one) => identityIn(agent as BoundAgent, one, use.say) ?? []);
  const opened = (key: ParsedKey, path: string): Promise<void> =>
    addToAgent(key, path, settings, use);
  const files = identityFiles
    .map((path) => keyFileAt(path, { ...use, opened }))
    .filter((file) => file !== undefined);
  const isHeld = ({ publicKey }: KeyFile): boolean =>
    ofAgent.some((one) => isSame(one.publicKey, publicKey));
  const isNamed = (one: Identity): boolean =>
    files.some(({ publicKey }) => isSame(one.publicKey, publicKey));
  const first = [
    ...ofAgent.filter(isNamed),
    ...(hasOnlyFiles ? [] : ofAgent.filter((one) => !isNamed(one))),
  ];
  const rest = files.filter((file) => !isHeld(file));
  const isOffered = ({ publicKey }: Identity): boolean => isAccepted(publicKey, settings);
  const rounds = [first, ...rest.map(roundOf)].map((round) =>
    "open" in round ? round : round.filter(isOffered),
  );
  const filled = rounds.filter((round) => "open" in round || round.length > 0);
  return { rounds: filled, ...leftOut(held, settings) };
}

/** @param held all keys of the agent */
function leftOut(
  held: readonly HeldKey[],
  settings: LoginSettings,
): Pick<Offered, "left" | "certificate"> {
  const { identityFiles, hasOnlyFiles, acceptedAlgorithms } = settings;
  const files = identityFiles.flatMap((path) => {
    const blob = publicBlob(path);
    return blob === undefined ? [] : [{ path, blob, type: hostKeyOf(blob).type }];
  });
  // What a file names is told, or refused, by the file.
  const others = held.filter(
    ({ type, blob }) =>
      !hasOnlyFiles &&
      isTypeAccepted(type, settings) &&
      !files.some((file) => file.blob.equals(blob)),
  );
  const lacksRsa = !acceptedAlgorithms.includes("rsa-sha2-256");
  return {
    left: [
      ...files
        .filter(({ type }) => isOfSecurityKey(type))
        .map(({ path }) => `${path} is of a security key, which it cannot use`),
      ...others
        .filter(({ type }) => isOfSecurityKey(type) && !isCertificate(type))
        .map(({ comment }) => `the agent's "${comment}" is of a security key, which it cannot use`),
      ...(lacksRsa && files.some(({ type }) => type === "ssh-rsa") ? [NO_RSA] : []),
    ],
    certificate: others.find(({ type }) => isCertificate(type))?.comment,
  };
}

function roundOf(file: KeyFile): Identity[] | KeyFile {
  return file.publicKey === undefined ? file : [identityOf(file, file.publicKey)];
}

/** Whether the configuration allows a key, and a signature by it. */
export function isAccepted(publicKey: ParsedKey, settings: LoginSettings): boolean {
  const { acceptedAlgorithms, minimumRsaBits } = settings;
  const bits = rsaBits(publicKey.getPublicSSH());
  if (bits === undefined) return acceptedAlgorithms.includes(publicKey.type);
  const isLong = bits >= minimumRsaBits;
  return isLong && Object.values(RSA_SIGNATURES).some((name) => acceptedAlgorithms.includes(name));
}

/** @param type that the package cannot use */
function isTypeAccepted(type: string, { acceptedAlgorithms }: LoginSettings): boolean {
  return [type, ...(RSA_CERTIFICATES[type] ?? [])].some((name) =>
    acceptedAlgorithms.includes(name),
  );
}

/** Makes ssh2 offer these keys one after the other. */
export class IdentityAgent extends BaseAgent<ParsedKey> {
  readonly #identities: readonly Identity[];
  readonly #settings: LoginSettings;

  constructor(identities: readonly Identity[], settings: LoginSettings) {
    super();
    this.#identities = identities;
    this.#settings = settings;
  }

  override getIdentities(done: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
    done(
      undefined,
      this.#identities.map(({ publicKey }) => publicKey),
    );
  }

  override sign(key: ParsedKey, data: Buffer, ...rest: unknown[]): void {
    const done = rest.at(-1) as SignCallback;
    const { hash } = (rest.length > 1 ? rest[0] : {}) as { hash?: string };
    const blob = key.getPublicSSH();
    const identity = this.#identities.find(({ publicKey }) =>
      publicKey.getPublicSSH().equals(blob),
    );
    // ssh2 falls back to SHA-1 by itself if the server is old.
    const name = RSA_SIGNATURES[hash ?? ""];
    if (name !== undefined && !this.#settings.acceptedAlgorithms.includes(name)) {
      done(new Error("no mutual signature supported"));
      return;
    }
    void identity?.sign(data, hash).then(
      (signed) => {
        if (signed === undefined) done(new Error("the key cannot be used"));
        else done(undefined, signed);
      },
      (error: Error) => done(error),
    );
  }
}

/** AddKeysToAgent. Without an agent, or if it refuses the key, the login goes on as with ssh. */
async function addToAgent(
  key: ParsedKey,
  path: string,
  { adding }: LoginSettings,
  { agent, asker }: KeyUse,
): Promise<void> {
  if (agent === undefined || adding === undefined) return;
  const comment = key.comment || path;
  if (adding.asks) {
    const answer = await answerTo(asker, `Add key ${path} (${comment}) to agent?`);
    // As for ssh, an empty answer means yes.
    if (answer === undefined || !/^(?:yes)?$/i.test(answer.trim())) return;
  }
  await agent.add(key, comment, adding).catch(() => {});
}

/** @returns undefined: the package does not know the type of the key */
function identityIn(
  agent: BoundAgent,
  { blob, comment }: HeldKey,
  say: (text: string) => void,
): Identity | undefined {
  const publicKey = parseKey(blob);
  if (publicKey === undefined) return undefined;
  const sign: Identity["sign"] = (data, hash) =>
    new Promise((resolve) => {
      const options = hash === undefined ? {} : { hash: hash as "sha256" };
      agent.sign(publicKey, data, options, (error, signed) => {
        if (error) say(`sign_and_send_pubkey: signing failed for "${comment}" from agent\r\n`);
        resolve(error ? undefined : (signed as Buffer));
      });
    });
  return { name: comment, publicKey, sign };
}

function isSame(one: ParsedKey, other: ParsedKey | undefined): boolean {
  return other !== undefined && one.getPublicSSH().equals(other.getPublicSSH());
}
