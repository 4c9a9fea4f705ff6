/** Which keys of ssh's configuration have a passphrase. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockedKeys } from "../../src/launch/locked-keys.ts";
import { ssh } from "../../src/transports/ssh.ts";
import { run } from "../helpers/scratch-user.ts";

const home = mkdtempSync(join(tmpdir(), "econtext-locked-"));
afterAll(() => rmSync(home, { recursive: true }));

test("those with a passphrase; a pipe is not read, and no other file stands in the way", async () => {
  const at = (name: string): string => join(home, name);
  const make = (name: string, passphrase: string, ...more: string[]) =>
    run(["ssh-keygen", "-q", "-N", passphrase, "-f", at(name), ...more]);
  make("locked", "open sesame", "-t", "ed25519");
  make("pem", "open sesame", "-t", "rsa", "-b", "2048", "-m", "PEM");
  make("pkcs8", "open sesame", "-t", "rsa", "-b", "2048", "-m", "PKCS8");
  make("plain", "", "-t", "ed25519");
  run(["mkfifo", at("pipe")]);
  writeFileSync(at("cut"), "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n-----END");
  const names = ["pipe", "plain", "locked", "cut", ".", "absent", "pem", "pkcs8"];
  const options = names.flatMap((name) => ["-o", `IdentityFile=${at(name)}`]);
  const keysOf = (program: string) =>
    lockedKeys(ssh("web1", { program, options: ["-F", "none", ...options] }));
  const found = await Promise.all(Array.from({ length: 9 }, () => keysOf("ssh")));
  for (const keys of found) expect(keys).toEqual(["locked", "pem", "pkcs8"].map(at));
  expect(await keysOf(at("other"))).toEqual([]);
});
