/** Names and patterns of files, and the words of `econtext cp`. */
import { expect, test } from "bun:test";
import { planCopies } from "../../src/cli/copy-plan.ts";
import { readCopyWord } from "../../src/cli/copy-word.ts";
import { fromWire, matches, nameOf, toWire } from "../../src/files/paths.ts";
import { expand } from "../../src/sets/node-set.ts";
import type { TransportData } from "../../src/transports/data.ts";
import { SCHEMES } from "../../src/transports/registry.ts";

test.each([
  ["a", undefined, "a"],
  ["./a:b", undefined, "./a:b"],
  ["/x/a:b", undefined, "/x/a:b"],
  ["web1:a", "web1", "a"],
  ["user@web1:/etc/hosts", "user@web1", "/etc/hosts"],
  ["web1:", "web1", "."],
  ["web1:a:b", "web1", "a:b"],
  ["[::1]:a", "[::1]", "a"],
  ["user@[fe80::1]:a", "user@[fe80::1]", "a"],
  ["web[1-9/2]:/srv", "web[1-9/2]", "/srv"],
  ["bastion/web[1-3]/sudo:root:/srv", "bastion/web[1-3]/sudo:root", "/srv"],
  ["web[1-30],db{1,2}!web3:a:b", "web[1-30],db{1,2}!web3", "a:b"],
  ["podman:app?user=www&cwd=x&podman:b:/srv", "podman:app?user=www&cwd=x&podman:b", "/srv"],
  ["@web!@old:/srv", "@web!@old", "/srv"],
  ["@hosts.txt:", "@hosts.txt", "."],
  ["web1:a[1-3].log", "web1", "a[1-3].log"],
  ["a[1-3].log", undefined, "a[1-3].log"],
  ["ssh://user@web1:2222:/etc", "ssh://user@web1:2222", "/etc"],
  ["ssh://web1:/etc", "ssh://web1", "/etc"],
  ["bastion/web1:/srv", "bastion/web1", "/srv"],
  ["bastion/user@web1:a:b", "bastion/user@web1", "a:b"],
  ["bastion/web1/sudo:root/podman:app:/srv", "bastion/web1/sudo:root/podman:app", "/srv"],
  ["ssh://user@web1:2222/sudo:root:etc", "ssh://user@web1:2222/sudo:root", "etc"],
  ["sudo:root:/etc/hosts", "sudo:root", "/etc/hosts"],
  ["sudo:/etc/a:b", "sudo", "/etc/a:b"],
  ["ssh:sudo:a", "ssh:sudo", "a"],
  ["podman:app:", "podman:app", "."],
  ["podman:app?user=www:/srv", "podman:app?user=www", "/srv"],
  ["kubectl:prod:web-0:app:/srv", "kubectl:prod:web-0:app", "/srv"],
  ["kubectl:web-0:srv", "kubectl:web-0", "srv"],
  ["unshare:a:b", "unshare", "a:b"],
  ["web1/unshare:srv", "web1/unshare", "srv"],
  ["test/a:b", undefined, "test/a:b"],
  ["../a/b:c", undefined, "../a/b:c"],
])("%s", (word, target, path) => {
  const isFolder = (name: string): boolean => name === "test";
  expect(readCopyWord(word, { isFolder })).toEqual({ targets: target, path });
});

test("schemes of the user's own are schemes", () => {
  const own = { scheme: "cell", destination: { noun: "name", example: "" } } as TransportData;
  const schemes = new Map([["cell", own]]);
  expect(readCopyWord("cell:a:/srv", { schemes })).toEqual({ targets: "cell:a", path: "/srv" });
});

test("a set of targets, each once", async () => {
  const reading = { schemes: SCHEMES, expand: async (set: string) => expand(set) };
  const destinations = async (word: string) =>
    (await planCopies(["f"], word, false, reading)).copies.map(({ to }) => to);
  expect(await destinations("a,user@b,a:x,y")).toEqual([
    { target: "a", path: "x,y" },
    { target: "user@b", path: "x,y" },
  ]);
  expect(await destinations("bastion/a[1-2]!bastion/a1,sudo:root,[::1]:x")).toEqual([
    { target: "bastion/a2", path: "x" },
    { target: "sudo:root", path: "x" },
    { target: "::1", path: "x" },
  ]);
  expect(readCopyWord("./a,b:c")).toEqual({ targets: undefined, path: "./a,b:c" });
  await expect(destinations("a,,b:c")).rejects.toThrow('a set is missing after ","');
  expect(() => readCopyWord("podman:app")).toThrow("write podman:app:PATH");
  expect(() => readCopyWord("bastion/web1/sudo:root")).toThrow(
    "write bastion/web1/sudo:root:PATH, or for a file bastion/web1/sudo:./root",
  );
  expect(() => readCopyWord("ssh://u@web1:2222/x")).toThrow(
    "a path is missing: ssh://u@web1:2222:PATH",
  );
  expect(() => readCopyWord("ssh://web1:2222")).toThrow("a path is missing: ssh://web1:2222:PATH");
});

test.each([
  ["a", "a", true],
  ["abc", "a*", true],
  ["abc", "a?", false],
  ["b", "[a-c]", true],
  ["b", "[!a-c]", false],
  ["]", "[]]", true],
  [".a", "*", false],
  [".a", ".*", true],
  ["a.b", "a.b", true],
  ["axb", "a.b", false],
  ["[x]", "[x]", true],
  ["a", "[z-a]", false],
  ["(a|b)", "(a|b)", true],
  ["a[", "a[", true],
])("%s and %s", (name, pattern, is) => {
  expect(matches(name, pattern)).toBe(is);
});

test("what a source is called", () => {
  const names = ["/a/b", "b/", "/", "..", "a/..", "a/.", "."].map(nameOf);
  expect(names).toEqual(["b", "b", ".", ".", ".", ".", "."]);
});

test("a path is text where it is UTF-8, else bytes, and the same again", () => {
  const paths = ["plain", "é\ufeff\u{1f600}", Uint8Array.of(97, 255, 47)];
  for (const path of paths) expect(toWire(fromWire(path))).toEqual(path);
});
