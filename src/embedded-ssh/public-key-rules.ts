/** Rules for public keys beside the known hosts: a key is not revoked, and is long enough. */
import { readKeyText } from "./key-text.ts";
import type { HostKey } from "./known-hosts.ts";

const BINARY_LIST = "SSHKRL\n\0";

/**
 * Reads the files of RevokedHostKeys. A file that cannot be read revokes every key, as with ssh.
 *
 * @returns undefined if the key is not revoked; else why it counts as revoked
 */
export function revocationOf(files: readonly string[], key: HostKey): string | undefined {
  return files.map((file) => revocationIn(file, key)).find((why) => why !== undefined);
}

function revocationIn(file: string, { type, key }: HostKey): string | undefined {
  let text: string;
  try {
    text = readKeyText(file);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `Error checking host key in revoked keys file ${file}: ${why}`;
  }
  if (text.startsWith(BINARY_LIST)) {
    return `RevokedHostKeys ${file}: the embedded ssh reads no binary list`;
  }
  const isListed = text.split("\n").some((line) => {
    const words = line.trim().split(/[ \t]+/);
    return words[0] === type && words[1] === key;
  });
  return isListed ? `Host key ${type} is revoked by file ${file}` : undefined;
}

/**
 * @param blob a public key as ssh sends it
 * @returns the length of an RSA key; undefined: it is another key
 */
export function rsaBits(blob: Buffer): number | undefined {
  const exponentAt = 4 + blob.readUInt32BE(0);
  if (blob.toString("latin1", 4, exponentAt) !== "ssh-rsa") return undefined;
  const modulusAt = exponentAt + 4 + blob.readUInt32BE(exponentAt);
  const modulus = blob.subarray(modulusAt + 4, modulusAt + 4 + blob.readUInt32BE(modulusAt));
  const first = modulus.findIndex((byte) => byte !== 0);
  return (modulus.length - first) * 8 - Math.clz32(modulus[first] ?? 0) + 24;
}
