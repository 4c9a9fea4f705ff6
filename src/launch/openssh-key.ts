/** A private key in the format of OpenSSH: what stands in clear before the private part. */

const MAGIC = "openssh-key-v1\0";

export interface ClearPart {
  /** `none`: the key has no passphrase. */
  readonly cipher: string;
  /** As it is sent to a server. May be cut off, as the file may be. */
  readonly publicKey: Buffer;
}

/** @returns undefined if the file holds another format, or only a part */
export function clearPartOf(text: string): ClearPart | undefined {
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
    const cipher = next().toString("latin1");
    // The way to the key from the passphrase, and its options; then the number of keys.
    for (let part = 0; part < 2; part++) next();
    at += 4;
    return { cipher, publicKey: next() };
  } catch {
    return undefined;
  }
}
