/**
 * The keys that a server is offered, in ssh's order: those of the files that the agent holds, the
 * agent's other keys, and those that only a file holds.
 */
import { BaseAgent, createAgent, type ParsedKey, type SignCallback } from "ssh2";
import { Refusal } from "./failures.ts";
import {
  certificateBeside,
  type Identity,
  identityOf,
  type KeyFileUse,
  securityKeyType,
} from "./key-file.ts";
import type { LoginSettings } from "./settings.ts";

/** What cannot be offered, for the message of a refusal by the server. */
export interface Offered {
  readonly identities: readonly Identity[];
  readonly left: readonly string[];
}

type Agent = ReturnType<typeof createAgent>;

/** @throws {Refusal} a key has a certificate, which the server may insist on */
export async function offeredKeys(settings: LoginSettings, use: KeyFileUse): Promise<Offered> {
  const { identityFiles, agent, hasOnlyFiles, acceptedAlgorithms } = settings;
  const certificate = identityFiles.map(certificateBeside).find((file) => file !== undefined);
  if (certificate !== undefined)
    throw new Refusal(`it cannot offer the certificate ${certificate}`);
  const ofAgent = agent === undefined ? [] : await keysOfAgent(agent, use);
  const found = await Promise.all(identityFiles.map((file) => identityOf(file, use)));
  const ofFiles = found.filter((identity) => identity !== undefined);
  const isHeld = (one: Identity): boolean => ofAgent.some((other) => isSame(one, other));
  const isNamed = (one: Identity): boolean => ofFiles.some((other) => isSame(one, other));
  const held = ofFiles.flatMap((one) => ofAgent.filter((other) => isSame(one, other)));
  const others = hasOnlyFiles ? [] : ofAgent.filter((one) => !isNamed(one));
  const rest = ofFiles.filter((one) => !isHeld(one));
  const isAccepted = ({ publicKey }: Identity): boolean =>
    signatureTypes(publicKey.type).some((type) => acceptedAlgorithms.includes(type));
  const left = identityFiles.filter((file) => securityKeyType(file) !== undefined);
  return { identities: [...held, ...others, ...rest].filter(isAccepted), left };
}

/** Makes ssh2 offer these keys one after the other. */
export class IdentityAgent extends BaseAgent<ParsedKey> {
  readonly #identities: readonly Identity[];

  constructor(identities: readonly Identity[]) {
    super();
    this.#identities = identities;
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
    void identity?.sign(data, hash).then(
      (signed) => {
        if (signed === undefined) done(new Error("the key cannot be used"));
        else done(undefined, signed);
      },
      (error: Error) => done(error),
    );
  }
}

/** Without an agent there are the files: ssh does not complain either. */
function keysOfAgent(path: string, { say }: KeyFileUse): Promise<Identity[]> {
  const agent = createAgent(path);
  return new Promise((resolve) => {
    agent.getIdentities((error, keys) => {
      if (error) resolve([]);
      else resolve(((keys ?? []) as ParsedKey[]).map((key) => identityIn(agent, key, say)));
    });
  });
}

function identityIn(agent: Agent, publicKey: ParsedKey, say: (text: string) => void): Identity {
  const name = publicKey.comment ?? "";
  const sign: Identity["sign"] = (data, hash) =>
    new Promise((resolve) => {
      const options = hash === undefined ? {} : { hash: hash as "sha256" };
      agent.sign(publicKey, data, options, (error, signed) => {
        if (error) say(`sign_and_send_pubkey: signing failed for "${name}" from agent\r\n`);
        resolve(error ? undefined : (signed as Buffer));
      });
    });
  return { name, publicKey, sign };
}

function isSame(one: Identity, other: Identity): boolean {
  return one.publicKey.getPublicSSH().equals(other.publicKey.getPublicSSH());
}

/** The names of signatures that a key can make, as PubkeyAcceptedAlgorithms has them. */
function signatureTypes(type: string): readonly string[] {
  return type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"] : [type];
}
