/** Names and patterns of files, and the words of `econtext cp`. */
import { expect, test } from "bun:test";
import { readPlaces } from "../../src/cli/copy-word.ts";
import { fromWire, matches, nameOf, toWire } from "../../src/files/paths.ts";
import type { TransportData } from "../../src/transports/data.ts";

test.each([
  ["a", undefined, "a"],
  ["./a:b", undefined, "./a:b"],
  ["/x/a:b", undefined, "/x/a:b"],
  ["web1:a", "web1", "a"],
  ["user@web1:/etc/hosts", "user@web1", "/etc/hosts"],
  ["web1:", "web1", "."],
  ["web1:a:b", "web1", "a:b"],
  ["[::1]:a", "::1", "a"],
  ["user@[fe80::1]:a", "user@fe80::1", "a"],
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
  expect(readPlaces(word)).toEqual([{ target, path }] as ReturnType<typeof readPlaces>);
});

test("schemes of the user's own are schemes", () => {
  const own = { scheme: "cell", destination: { noun: "name", example: "" } } as TransportData;
  const schemes = new Map([["cell", own]]);
  expect(readPlaces("cell:a:/srv", schemes)).toEqual([{ target: "cell:a", path: "/srv" }]);
});

test("a path of several targets, each once", () => {
  expect(readPlaces("a,user@b,a:x,y")).toEqual([
    { target: "a", path: "x,y" },
    { target: "user@b", path: "x,y" },
  ]);
  expect(readPlaces("./a,b:c")).toEqual([{ target: undefined, path: "./a,b:c" }]);
  expect(readPlaces("bastion/a,sudo:root:x")).toEqual([
    { target: "bastion/a", path: "x" },
    { target: "sudo:root", path: "x" },
  ]);
  expect(() => readPlaces("a,,b:c")).toThrow("a TARGET is missing");
  expect(() => readPlaces("podman:app")).toThrow("write podman:app:PATH");
  expect(() => readPlaces("bastion/web1/sudo:root")).toThrow(
    "write bastion/web1/sudo:root:PATH, or for a file bastion/web1/sudo:./root",
  );
  expect(() => readPlaces("ssh://u@web1:2222/x")).toThrow(
    "a path is missing: ssh://u@web1:2222:PATH",
  );
  expect(() => readPlaces("ssh://web1:2222")).toThrow("a path is missing: ssh://web1:2222:PATH");
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
