/**
 * A private key in a file, as ssh treats one: the public part is offered first, and a passphrase is
 * asked for only if the server would take the key.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { type ParsedKey, utils } from "ssh2";
import type { Asker } from "../launch/child.ts";

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
}

const MAGIC = "openssh-key-v1\0";

/** @returns undefined if there is no such file, or it holds nothing that can be offered */
export function identityOf(path: string, use: KeyFileUse): Promise<Identity | undefined> {
  const text = readOwn(path, use);
  if (text === undefined) return Promise.resolve(undefined);
  const written = publicKeyBeside(path) ?? publicPart(text);
  const whole = parse(text);
  if (whole !== undefined) return Promise.resolve(identity(path, written ?? whole, () => whole));
  let opened: Promise<ParsedKey | undefined> | undefined;
  const open = () => (opened ??= decrypt(path, text, use));
  if (written !== undefined) return Promise.resolve(identity(path, written, open));
  // An old format does not tell the public part without the passphrase.
  if (!/ENCRYPTED/.test(text)) return Promise.resolve(undefined);
  return open().then((key) => key && identity(path, key, () => key));
}

/** @returns a certificate that ssh would offer with the key */
export function certificateBeside(path: string): string | undefined {
  const file = `${path}-cert.pub`;
  return existsSync(path) && existsSync(file) ? file : undefined;
}

/** @returns the type of a key that only a security key can use; undefined: it is another one */
export function securityKeyType(path: string): string | undefined {
  try {
    const [type = ""] = readFileSync(`${path}.pub`, "latin1").split(" ");
    return type.startsWith("sk-") ? type : undefined;
  } catch {
    return undefined;
  }
}

function identity(
  name: string,
  publicKey: ParsedKey,
  open: () => ParsedKey | undefined | Promise<ParsedKey | undefined>,
): Identity {
  const sign: Identity["sign"] = async (data, hash) => {
    const signed = (await open())?.sign(data, hash);
    return signed instanceof Error ? undefined : signed;
  };
  return { name, publicKey, sign };
}

/** A key that others can read is not used: it may be known to them. */
function readOwn(path: string, { say }: KeyFileUse): string | undefined {
  try {
    const { mode, uid } = statSync(path);
    if (uid === process.getuid?.() && (mode & 0o077) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, "0");
      say(
        `Permissions ${shown} for '${path}' are too open.\r\n` +
          `Load key "${path}": bad permissions\r\n`,
      );
      return undefined;
    }
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}

function publicKeyBeside(path: string): ParsedKey | undefined {
  try {
    return parse(readFileSync(`${path}.pub`, "latin1"));
  } catch {
    return undefined;
  }
}

/**
 * OpenSSH's own format holds the public key in clear, before the encrypted part.
 *
 * @returns undefined if the file holds another format, or only a part
 */
function publicPart(text: string): ParsedKey | undefined {
  const [, base64] = /-----BEGIN OPENSSH PRIVATE KEY-----([^-]*)-----END/.exec(text) ?? [];
  const bytes = Buffer.from(base64 ?? "", "base64");
  if (bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) return undefined;
  let at = MAGIC.length;
  const next = (): Buffer => {
    const end = at + 4 + bytes.readUInt32BE(at);
    const part = bytes.subarray(at + 4, end);
    at = end;
    return part;
  };
  try {
    // The cipher, the way to the key from the passphrase, and its options; then the number of keys.
    for (let part = 0; part < 3; part++) next();
    at += 4;
    return parse(next());
  } catch {
    return undefined;
  }
}

function parse(text: string | Buffer, passphrase?: Buffer): ParsedKey | undefined {
  try {
    const key = utils.parseKey(text, passphrase) as ParsedKey | ParsedKey[] | Error;
    if (key instanceof Error) return undefined;
    return Array.isArray(key) ? key[0] : key;
  } catch {
    return undefined;
  }
}

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
    const key = passphrase.length === 0 ? undefined : parse(text, passphrase);
    line.fill(0);
    if (key !== undefined) return key;
  }
  return undefined;
}
