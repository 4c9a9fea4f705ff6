/**
 * What a throw-away ssh server and its client need on disk: a private folder with fresh keys, and
 * an ssh configuration in which every host named `target…` is that server. With `ssh -F` neither
 * ~/.ssh nor an agent is read or touched. Knows nothing of which server it is.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { utils } from "ssh2";

/** A running server, as tests see it. */
export interface SshServer extends AsyncDisposable {
  /** For `ssh -F`. */
  readonly configPath: string;
  readonly port: number;
  /** A host of that configuration; so is every other name that begins with it. */
  readonly host: string;
}

export interface SshFiles {
  readonly dir: string;
  /**
   * HOME of what runs on the server: empty, so that no start-up file of the user's is read or made.
   */
  readonly home: string;
  readonly hostKey: KeyPair;
  readonly userKey: KeyPair;
  readonly configPath: string;
  writeConfig(port: number): void;
  remove(): void;
}

export interface KeyPair {
  readonly path: string;
  /** As OpenSSH writes them: text. */
  readonly private: string;
  readonly public: string;
}

export const HOST = "target";
/** Two strings, each behind its length: the algorithm's name, and the key. */
const ED25519_BLOB_BYTES = 4 + "ssh-ed25519".length + 4 + 32;
const KEY_ALIAS = "econtext-throw-away";

export function makeSshFiles(): SshFiles {
  const dir = mkdtempSync(join(tmpdir(), "econtext-ssh-"));
  const home = join(dir, "home");
  mkdirSync(home);
  const hostKey = makeKey(dir, "host_key");
  const userKey = makeKey(dir, "user_key");
  writeFileSync(join(dir, "known_hosts"), `${KEY_ALIAS} ${hostKey.public}\n`);
  const configPath = join(dir, "ssh_config");
  return {
    dir,
    home,
    hostKey,
    userKey,
    configPath,
    writeConfig: (port) => writeFileSync(configPath, clientConfig(dir, port)),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

function makeKey(dir: string, name: string): KeyPair {
  let pair = utils.generateKeyPairSync("ed25519");
  // ssh2 1.17 drops leading zeros of the key: one in 256 is too short, and OpenSSH refuses it.
  while (blobBytes(pair.public) !== ED25519_BLOB_BYTES) pair = utils.generateKeyPairSync("ed25519");
  const path = join(dir, name);
  writeFileSync(path, pair.private, { mode: 0o600 });
  writeFileSync(`${path}.pub`, `${pair.public}\n`);
  return { path, private: pair.private, public: pair.public };
}

function blobBytes(publicKey: string): number {
  return Buffer.from(publicKey.split(" ")[1] ?? "", "base64").length;
}

function clientConfig(dir: string, port: number): string {
  const lines = [
    `Host ${HOST}*`,
    "HostName 127.0.0.1",
    `Port ${String(port)}`,
    `HostKeyAlias ${KEY_ALIAS}`,
    `UserKnownHostsFile ${join(dir, "known_hosts")}`,
    "GlobalKnownHostsFile /dev/null",
    "StrictHostKeyChecking yes",
    "UpdateHostKeys no",
    `IdentityFile ${join(dir, "user_key")}`,
    "IdentitiesOnly yes",
    "IdentityAgent none",
    "PreferredAuthentications publickey",
    // A person at the terminal of the tests is asked nothing.
    "BatchMode yes",
    // The default key exchange is most of the time of a short connection.
    "KexAlgorithms curve25519-sha256",
    "ControlPath none",
    "LogLevel ERROR",
  ];
  return `${lines.join("\n")}\n`;
}
