/** For hosts of one kind, the answer of `ssh -G` about one is the answer about all. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { classOf, forOther } from "../../src/embedded-ssh/alike-hosts.ts";
import { configurationOf } from "../../src/embedded-ssh/configuration.ts";
import { ConfigurationCache } from "../../src/embedded-ssh/configuration-cache.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "econtext-alike-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const keyOf = (options: readonly string[], destination: string): string | undefined =>
  classOf(options, destination)?.key;

test("what is told of another host is what ssh tells", async () => {
  write("more.conf", "Host web?\n  Port 2222\nHost *\n  ServerAliveInterval 7\n");
  const file = write(
    "config",
    [
      "# 100 % of it",
      "Host web1 web-* !web-9 db?",
      "  User ada",
      `Include ${folder}/more*.conf`,
      "Host db* bastion",
      "  HostName 192.0.2.7",
      "  ProxyCommand nc %h %p",
      "Match final all",
      "  Compression yes",
      "Host jump",
      "  ProxyJump web3",
    ].join("\n"),
  );
  const options = ["-T", "-F", file];
  const names = ["web1", "web2", "web3", "web-1", "web-9", "db1", "db2", "dbs", "bastion", "jump"];
  let alike = 0;
  const told = await Promise.all(names.map((name) => configurationOf(options, name)));
  for (const [at, name] of names.entries()) {
    for (const [otherAt, other] of names.entries()) {
      if (at === otherAt || keyOf(options, name) !== keyOf(options, other)) continue;
      const derived = forOther(told[at] as never, name, other);
      if (derived === undefined) continue;
      alike += 1;
      expect([...derived]).toEqual([...(told[otherAt]?.configuration ?? [])]);
    }
  }
  expect(alike).toBe(8); // pairs of web2 and web3, and of db1, db2 and dbs
  expect(keyOf(options, "ada@web2")).not.toBe(keyOf(options, "web2"));
});

test("lines that may look at more than a name's kind make no hosts alike", () => {
  const isAlike = (text: string, ...more: string[]): boolean =>
    keyOf(["-T", "-F", write("one", text), ...more], "web1") !== undefined;
  expect(isAlike("Host web*\n  User ada\n")).toBe(true);
  expect(isAlike("Host web*\n  Port 22\n", "-o", "ProxyJump=bastion")).toBe(true);
  expect(isAlike("Match exec true\n")).toBe(false);
  expect(isAlike("Match host web1\n")).toBe(false);
  expect(isAlike("HostName %h.example.org\n")).toBe(false);
  expect(isAlike("", "-o", "UserKnownHostsFile=/tmp/%h")).toBe(false);
  expect(isAlike('"Host" web1\n')).toBe(false);
  expect(isAlike('Host "web1"\n')).toBe(false);
  expect(isAlike("Include ~ada/config\n")).toBe(false);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: ssh's own syntax
  expect(isAlike("Include ${HOME}/config\n")).toBe(false);
});

test("a host that another name leads to is alike none", async () => {
  const options = ["-T", "-F", write("alias", "Host web1 first\n  HostName Web1\n")];
  expect(keyOf(options, "web1")).toBeUndefined();
  const cache = new ConfigurationCache();
  const leases = ["web1", "first"].map((name) => cache.lease(options, name));
  for (const [answer, release] of leases) {
    expect((await answer).configuration.get("hostname")).toEqual(["web1"]);
    release();
  }
});

test("ssh changes some names, which are therefore of no kind", () => {
  const options = ["-T", "-F", "none"];
  for (const name of ["Web1", "10.0.0.1", "0x7f000001", "::1", "ssh://web1", "web1:22", "127.1"]) {
    expect(keyOf(options, name)).toBeUndefined();
  }
});

test("a host that was told otherwise meanwhile is of another kind", () => {
  const options = ["-T", "-F", write("changing", "Host web*\n  Port 22\n")];
  const before = keyOf(options, "web1");
  expect(keyOf(options, "web2")).toBe(before as string);
  write("changing", "Host web*\n  Port 23\n");
  expect(keyOf(options, "web2")).not.toBe(before);
});

test("values with a host's name are asked for", async () => {
  const options = ["-T", "-F", write("named", "IdentityFile /keys/web1\nHostKeyAlias web\n")];
  const told = await configurationOf(options, "web1");
  expect(forOther(told, "web1", "web2")).toBeUndefined();
  const canonical = ["-T", "-F", write("canonical", "CanonicalizeHostname yes\n")];
  const other = await configurationOf(canonical, "web1");
  expect(forOther(other, "web1", "web2")).toBeUndefined();
});

test("the cache asks ssh about one of them, and tells each its own name", async () => {
  const options = ["-T", "-F", write("cached", "Host web*\n  User ada\n")];
  const cache = new ConfigurationCache();
  const leases = ["web1", "web2", "db1", "web2"].map((name) => cache.lease(options, name));
  const answers = await Promise.all(leases.map(([answer]) => answer));
  const values = answers.map(({ configuration }) =>
    ["host", "hostname", "user"].map((name) => configuration.get(name)?.[0]),
  );
  expect(values.slice(0, 2)).toEqual([
    ["web1", "web1", "ada"],
    ["web2", "web2", "ada"],
  ]);
  expect(values[2]?.slice(0, 2)).toEqual(["db1", "db1"]);
  expect(values[2]?.[2]).not.toBe("ada");
  for (const [, release] of leases) release();
});
