/** What `ssh -G` prints, in the versions of OpenSSH that print it differently. */
import { expect, test } from "bun:test";
import { parseConfiguration } from "../../src/embedded-ssh/configuration.ts";

/** Some of the lines of OpenSSH 8.4, which names no host. */
const BEFORE = [
  "user ada",
  "hostname 192.0.2.1",
  "challengeresponseauthentication yes",
  "kbdinteractiveauthentication yes",
  "pubkeyacceptedkeytypes ssh-ed25519,rsa-sha2-256",
  "identityfile ~/.ssh/a",
  "identityfile ~/.ssh/b",
  "",
].join("\n");

test("names of options that a later version has changed", () => {
  const parsed = parseConfiguration(BEFORE, "ada@web1");
  expect(Object.fromEntries(parsed)).toEqual({
    user: ["ada"],
    host: ["web1"],
    hostname: ["192.0.2.1"],
    kbdinteractiveauthentication: ["yes"],
    pubkeyacceptedalgorithms: ["ssh-ed25519,rsa-sha2-256"],
    identityfile: ["~/.ssh/a", "~/.ssh/b"],
  });
});

test("an option that switches off a newer one", () => {
  const text = BEFORE.replace(/^(challengeresponse\w+) yes/m, "$1 no");
  const parsed = parseConfiguration(text, "web1");
  expect(parsed.get("kbdinteractiveauthentication")).toEqual(["no"]);
});

test("the host of a destination", () => {
  const names = {
    web1: "web1",
    "ada@web1": "web1",
    "a@b@web1": "web1",
    "ssh://web1": "web1",
    "ssh://ada@web1:22": "web1",
    "ssh://[2001:db8::1]:22": "2001:db8::1",
  };
  for (const [destination, name] of Object.entries(names)) {
    expect(parseConfiguration("", destination).get("host")).toEqual([name]);
  }
  expect(parseConfiguration("host web1\n", "other").get("host")).toEqual(["web1"]);
});
