/**
 * A private key in a file, as ssh treats one: the public part is offered first, and a passphrase is
 * asked for only if the server would take the key.
 */
import { existsSync, statSync } from "node:fs";
import { type ParsedKey, utils } from "ssh2";
import type { Asker } from "../launch/child.ts";
import { clearPartOf } from "../launch/openssh-key.ts";
import { isShortage, readKeyText } from "./key-text.ts";
import { hostKeyOf } from "./known-hosts.ts";

/** Where the type begins in a key as ssh sends it: its length comes first. */
const TYPE_AT = 4;

/** A key that a server can be offered. */
export interface Identity {
  /** For messages: a path, or the agent's comment. */
  readonly name: string;
  readonly publicKey: ParsedKey;
  /**
   * @param hash as of ssh2: `sha256`, for RSA only
   * @returns undefined: the key cannot be used after all
   */
  sign(data: Buffer, hash: string | undefined): Promise<Buffer | undefined>;
}

export interface KeyFileUse {
  readonly asker: Asker | undefined;
  /** How often a passphrase may be wrong. */
  readonly attempts: number;
  say(text: string): void;
  /** Is called with a private key that was read, before it is used. */
  opened?(key: ParsedKey, path: string): Promise<void>;
}

/** A file that may hold a private key. */
export interface KeyFile {
  readonly path: string;
  /** Undefined: it is not known without the private part, as in old formats. */
  readonly publicKey: ParsedKey | undefined;
  /** Reads the private part, once. @returns undefined: there is none that can be used */
  open(): Promise<ParsedKey | undefined>;
}

/**
 * @returns undefined if there is nothing to offer. A public key alone is enough: an agent may hold
 *   the private part.
 */
export function keyFileAt(path: string, use: KeyFileUse): KeyFile | undefined {
  const text = tryRead(path);
  const beside = tryRead(`${path}.pub`);
  const publicKey =
    (text === undefined ? undefined : (publicPart(text) ?? publicText(text))) ??
    (beside === undefined ? undefined : publicText(beside));
  if (publicKey === undefined && text === undefined) return undefined;
  let opened: Promise<ParsedKey | undefined> | undefined;
  return { path, publicKey, open: () => (opened ??= openKey(path, use)) };
}

export function identityOf({ path, open }: KeyFile, publicKey: ParsedKey): Identity {
  const sign: Identity["sign"] = async (data, hash) => {
    const key = await open();
    // A signature by another key than the offered one would only count as a failed attempt.
    if (key?.getPublicSSH().equals(publicKey.getPublicSSH()) !== true) return undefined;
    const signed = key.sign(data, hash);
    return signed instanceof Error ? undefined : signed;
  };
  return { name: path, publicKey, sign };
}

/** @returns a certificate that ssh would offer: beside the key, or instead of one */
export function certificateOf(path: string): string | undefined {
  const hasKey = existsSync(path) || existsSync(`${path}.pub`);
  const file = `${path}-cert.pub`;
  if (hasKey && existsSync(file)) return file;
  const blob = publicBlob(path);
  return blob !== undefined && isCertificate(hostKeyOf(blob).type) ? path : undefined;
}

/** Whether this is the type of a certificate: `ssh-ed25519-cert-v01@openssh.com`. */
export function isCertificate(type: string): boolean {
  return /-cert-v0\d@openssh\.com$/.test(type);
}

/** Whether this is the type of a key that only a security key can use. */
export function isOfSecurityKey(type: string): boolean {
  return type.startsWith("sk-");
}

/** @returns the public key of a file, of any type, as ssh sends it */
export function publicBlob(path: string): Buffer | undefined {
  const text = tryRead(path) ?? "";
  const clear = clearPartOf(text)?.publicKey;
  if (clear !== undefined && clear.length > TYPE_AT) return clear;
  return blobOf(text) ?? blobOf(tryRead(`${path}.pub`) ?? "");
}

/** @param text of a file: the type of a public key, the key in base64, a comment */
function blobOf(text: string): Buffer | undefined {
  const [type = "", key = ""] = text.trim().split(/\s+/);
  const blob = Buffer.from(key, "base64");
  return blob.length > TYPE_AT && hostKeyOf(blob).type === type ? blob : undefined;
}

/** @throws the system's error if this process can open no further file */
function tryRead(path: string): string | undefined {
  try {
    return readKeyText(path);
  } catch (error) {
    if (isShortage(error)) throw error;
    return undefined;
  }
}

/** @param text of a file with a public key alone */
function publicText(text: string): ParsedKey | undefined {
  return /PRIVATE KEY-----/.test(text) ? undefined : parseKey(text);
}

/** @returns undefined if the file holds another format than OpenSSH's own, or only a part */
function publicPart(text: string): ParsedKey | undefined {
  const key = clearPartOf(text)?.publicKey;
  return key === undefined ? undefined : parseKey(key);
}

/** @returns undefined if the package cannot use such a key */
export function parseKey(text: string | Buffer, passphrase?: Buffer): ParsedKey | undefined {
  try {
    const key = utils.parseKey(text, passphrase) as ParsedKey | ParsedKey[] | Error;
    if (key instanceof Error) return undefined;
    return Array.isArray(key) ? key[0] : key;
  } catch {
    return undefined;
  }
}

async function openKey(path: string, use: KeyFileUse): Promise<ParsedKey | undefined> {
  const text = readOwn(path, use);
  if (text === undefined) return undefined;
  const plain = parseKey(text);
  const isEncrypted = /ENCRYPTED/.test(text) || publicPart(text) !== undefined;
  const isPlain = plain?.isPrivateKey() === true;
  const key = isPlain ? plain : isEncrypted ? await decrypt(path, text, use) : undefined;
  if (key !== undefined) await use.opened?.(key, path);
  return key;
}

/** A private key that others can read is not used: it may be known to them. */
function readOwn(path: string, { say }: KeyFileUse): string | undefined {
  let text: string | undefined;
  try {
    text = tryRead(path);
  } catch {
    say(`Load key "${path}": Too many open files\r\n`);
  }
  if (text === undefined || !/PRIVATE KEY-----/.test(text)) return undefined;
  const { mode, uid } = statSync(path);
  if (uid !== process.getuid?.() || (mode & 0o077) === 0) return text;
  const shown = (mode & 0o777).toString(8).padStart(4, "0");
  say(
    `Permissions ${shown} for '${path}' are too open.\r\nLoad key "${path}": bad permissions\r\n`,
  );
  return undefined;
}

/** Asks for the passphrase. An empty answer means: try the next key. */
async function decrypt(
  path: string,
  text: string,
  { asker, attempts }: KeyFileUse,
): Promise<ParsedKey | undefined> {
  const question = `Enter passphrase for key '${path}': `;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const secret = await asker?.ask(question);
    if (secret === undefined) return undefined;
    const line = secret.line();
    secret.wipe();
    const passphrase = Buffer.from(line.buffer, line.byteOffset, line.length - 1);
    const isEmpty = passphrase.length === 0;
    const key = isEmpty ? undefined : parseKey(text, passphrase);
    line.fill(0);
    if (isEmpty || key !== undefined) return key;
  }
  return undefined;
}
