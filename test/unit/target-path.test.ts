import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { UsageError } from "../../src/errors.ts";
import { SCHEMES } from "../../src/transports/registry.ts";
import type { Word } from "../../src/transports/word.ts";
import { formatPath, parsePath, readWords } from "../../src/tree/target-path.ts";
import type { TargetSettings } from "../../src/tree/target-settings.ts";

const labels = (path: string, targets: Record<string, TargetSettings> = {}): string[] =>
  parsePath(path, { targets }).map(({ transport }) => transport.label);
const argvOf = (path: string, targets: Record<string, TargetSettings> = {}): string[][] =>
  parsePath(path, { targets }).map(({ transport }) => transport.wrap(["sh", "-c", "x"]));

/** @returns the message, whose third line marks the place */
function messageOf(path: string, targets: Record<string, TargetSettings> = {}): string {
  try {
    parsePath(path, { targets });
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).code).toBe("ERR_USAGE_TARGET");
    return (error as UsageError).message;
  }
  throw new Error(`${path} was accepted`);
}

/** @returns what the mark of an error's message stands under */
function markedIn(message: string): string {
  const [, text = "", mark = ""] = message.split("\n");
  return text.slice(mark.indexOf("^"));
}

describe("words", () => {
  test.each([
    ["bastion/web1/sudo:root/podman:app", ["bastion", "web1", "sudo:root", "podman:app"]],
    ["sudo", ["sudo:root"]],
    ["local/sudo:www", ["local", "sudo:www"]],
    ["ssh://u@web1:2222/sudo", ["ssh://u@web1:2222", "sudo:root"]],
    ["bastion/ssh://u@web1:2222/local", ["bastion", "ssh://u@web1:2222", "local"]],
    ["ssh://web1/", ["ssh://web1"]],
    ["u%2Fx@web1", ["u%2Fx@web1"]],
    ["chroot:%2Fsrv%2Fa%20b", ["chroot:%2Fsrv%2Fa b"]],
    ["podman:app?user=www&cwd=%2Fsrv", ["podman:app?cwd=%2Fsrv&user=www"]],
    ["unshare?ns=mount+net", ["unshare?ns=mount+net"]],
    ["kubectl:prod%2Fweb-0%2Fapp", ["kubectl:prod%2Fweb-0%2Fapp"]],
    ["incus:cloud:web", ["incus:cloud:web"]],
    ["ssh:sudo/ssh:local", ["ssh:sudo", "ssh:local"]],
    ["ssh:web1", ["web1"]],
  ])("%s", (path, expected) => {
    expect(labels(path)).toEqual(expected);
    expect(labels(expected.join("/"))).toEqual(expected);
  });

  test.each([
    ["::1"],
    ["fe80::1%eth0"],
    ["fe80::1%25eth0"],
    ["user@host"],
    ["web1:2222"],
    ["web1?x=y"],
    ["100%"],
    ["sudo:root@web1"],
    ["podman"],
    ["docker"],
    ["DOMAIN\\user@host"],
    ["Sudo:root"],
    ["pod:man"],
  ])("%s goes to ssh as it is, unless a scheme stands before its colon", (text) => {
    const [step] = parsePath(text);
    const isScheme = text.startsWith("sudo:");
    expect(step?.transport.scheme).toBe(isScheme ? "sudo" : "ssh");
    expect(step?.transport.destination).toBe(isScheme ? "root@web1" : text);
  });

  test("ssh decodes its own URIs, so they stay as they are", () => {
    const [step] = parsePath("ssh://a%2Fb@web1");
    expect(step?.transport.destination).toBe("ssh://a%2Fb@web1");
    expect(parsePath("a%2Fb@web1")[0]?.transport.destination).toBe("a/b@web1");
  });
});

describe("errors show the place", () => {
  test.each([
    ["", '"', "it is empty"],
    ["bastion//web1", '/web1"', "no word here"],
    ["/web1", '/web1"', "no word here"],
    ["web1/", '"', "no word here"],
    ["web1/-oProxyCommand=x", '-oProxyCommand=x"', "dash"],
    ["web1/sudo:-s", '-s"', "dash"],
    ["podman:app?user=-1", '-1"', "dash"],
    ["a b", ' b"', "no spaces"],
    ["web1/a\tb", '\\tb"', "no spaces"],
    ["ssh://", '"', "a name is missing"],
    ["web1/ssh://u@web1:99999", '99999"', '"99999" is no port'],
    ["ssh://web1:abc", 'abc"', '"abc" is no port'],
    ["web1/ssh:", '"', "a name is missing"],
    ["web1/chroot:/srv", '/srv"', "a folder is missing"],
    ["podman:?user=x", '?user=x"', "a container is missing"],
    ["podman:a%zz", '%zz"', "a % stands for no character"],
    ["podman:app?usr=www", 'usr=www"', 'no option "usr"'],
    ["podman:app?user", '"', "a value of user is missing"],
    ["podman:app?cwd=/srv/www", '/srv/www"', "a value of cwd is missing"],
    ["podman:app?cwd=srv/www", 'srv/www"', "a folder begins with a slash, which is written %2F"],
    ["web1/chroot:srv/root", 'srv/root"', "a folder begins with a slash, which is written %2F"],
    ["unshare:x", 'x"', 'nothing follows "unshare"'],
    ["unshare?ns=mount+nett", 'mount+nett"', 'ns cannot be "nett"'],
    ["kubectl:a:b:c:d", 'a:b:c:d"', "not a pod"],
    ["kubectl:a::c", 'a::c"', "not a pod"],
    ["podman:a%00b", 'a%00b"', "control characters"],
  ])("%p", (path, marked, problem) => {
    const message = messageOf(path);
    expect(message).toContain(`not a target: `);
    expect(message).toContain(problem);
    expect(markedIn(message)).toBe(marked);
    expect(message.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  });

  test("a slash that would have to be written %2F is explained", () => {
    expect(messageOf("chroot:/srv/root")).toContain("try: write chroot:%2Fsrv%2Froot");
    const hint = "try: write cwd=VALUE; a slash in it is written %2F";
    expect(messageOf("podman:app?cwd=/var")).toContain(hint);
  });
});

describe("a word that is no host", () => {
  const UNKNOWN = "ssh: Could not resolve hostname x: Name or service not known";
  // The user's own configuration names other hosts.
  const ssh = { options: ["-F", "none"] };
  const hintOf = (path: string, said = UNKNOWN, behind?: string): string =>
    parsePath(path, { behind, ssh }).at(-1)?.transport.explain(255, said)?.hint ?? "";
  const USUAL = "check the name, or give it a Host entry in ~/.ssh/config";

  test.each([
    ["root@web1:22", "for a port: ssh://root@web1:22; else "],
    ["sodu:root", "did you mean sudo:root? Else "],
    ["sodu", "did you mean sudo? Else "],
    ["Sudo:root", "did you mean sudo:root? Else "],
    ["Local", "did you mean local? Else "],
    ["pdoman:app?user=www", "did you mean podman:app?user=www? Else "],
    ["podman", "podman needs a container: podman:NAME; else "],
    ["pdoman", "podman needs a container: podman:NAME; else "],
    ["incus", "incus needs an instance: incus:NAME; else "],
    ["chroot", "chroot needs a folder: chroot:%2Fsrv%2Froot; else "],
    [
      "bastion:web1",
      "a path is written with slashes: bastion/web1 (there is no transport bastion)",
    ],
    ["root@web1", USUAL],
    ["web1", USUAL],
    ["fe80::1", USUAL],
  ])("%s", (word, hint) => {
    expect(hintOf(word)).toStartWith(hint);
    expect(hintOf(word)).toEndWith(USUAL);
    expect(hintOf(`bastion/${word}`)).toEndWith(`${USUAL} on bastion`);
  });

  test("a host that is known by nearly this name", () => {
    const folder = mkdtempSync(join(tmpdir(), "econtext-hosts-"));
    try {
      const file = join(folder, "config");
      writeFileSync(file, "Host web1 *.lan\nHost db-main\n");
      const options = {
        ssh: { options: ["-F", file] },
        targets: { backend: {} },
        groups: { lab: { targets: "lab[1-3]" } },
      };
      const hints = (path: string): string =>
        parsePath(path, options).at(-1)?.transport.explain(255, UNKNOWN)?.hint ?? "";
      for (const [word, meant] of [
        ["wbe1", "web1"],
        ["root@db-mian", "root@db-main"],
        ["bakcend", "backend"],
        ["labb2", "lab2"],
      ] as const) {
        expect(hints(word)).toStartWith(`did you mean ${meant}? Else check the name`);
      }
      expect(hints("backend/bakcend")).toStartWith("did you mean backend?");
      // The configuration behind a hop is another one.
      for (const word of ["web1", "backend/wbe1", "nothing", "ssh://wbe1:22"]) {
        expect(hints(word)).toStartWith("check the name");
      }
      const known =
        "web1 is a Host of this machine's configuration: use --ssh embedded, or ProxyJump";
      expect(hints("backend/root@web1")).toStartWith(known);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("the machine is named whose configuration counts", () => {
    const key = "Host key verification failed.";
    expect(hintOf("a/sudo:root/web1", key)).toContain("plain ssh web1 on a/sudo:root to see");
    expect(hintOf("web1", key, "bastion")).toContain("plain ssh web1 on bastion to see");
    expect(hintOf("local/web1", key)).toContain("plain ssh web1 to see");
    expect(hintOf("a/local/web1", "Permission denied")).toEndWith("plain ssh web1 on a");
    expect(hintOf("a/web1", "other")).toEndWith("plain ssh -v web1 on a");
  });
});

test("a user who is root is not told to become root", () => {
  const hintOf = (path: string): string =>
    parsePath(path).at(-1)?.transport.explain(1, "nsenter: x: Permission denied\n")?.hint ?? "";
  expect(hintOf("a/nsenter:1")).toContain("sudo:root/nsenter");
  expect(hintOf("a/sudo:www/nsenter:1")).toContain("sudo:root/nsenter");
  expect(hintOf("a/sudo/local/nsenter:1")).toStartWith("root may not do it there");
  const isRoot = process.geteuid?.() === 0;
  expect(hintOf("nsenter:1").includes("sudo:root")).toBe(!isRoot);
});

test("a target that is no text is refused", () => {
  const refusal = (target: unknown): UsageError => {
    try {
      parsePath(target as string);
    } catch (error) {
      if (error instanceof UsageError) return error;
    }
    throw new Error("no error of usage");
  };
  expect(refusal(["bastion", "web1"]).code).toBe("ERR_USAGE_TARGET");
  expect(refusal(["bastion", "web1"]).message).toBe(
    'not a target: expected a text, not a list\n  try: "bastion/web1"',
  );
  expect(refusal(undefined).message).toContain("not a value of type undefined");
});

describe("settings of targets", () => {
  test("a word stands for a path, also within a path, and never for itself", () => {
    const targets = { app: { path: "bastion/web1/podman:app" }, web1: { path: "u@web1" } };
    expect(labels("app/local", targets)).toEqual(["bastion", "u@web1", "podman:app", "local"]);
    const circle = { a: { path: "x/b" }, b: { path: "a" } };
    expect(messageOf("a", circle)).toContain("the path of a contains a itself: a → b → a");
  });

  test("a transport makes the word its destination, with options", () => {
    const targets = { app: { transport: "podman", options: { user: "www" } } };
    expect(argvOf("app", targets)).toEqual([
      ["podman", "exec", "-i", "--user=www", "app", "sh", "-c", "x"],
    ]);
  });

  test("options of the word take precedence", () => {
    const targets = { "podman:app": { options: { user: "www" } } };
    expect(argvOf("podman:app", targets)[0]).toContain("--user=www");
    const own = { "podman:app?user=x": { options: { user: "www" } } };
    expect(argvOf("podman:app?user=x", own)[0]).toContain("--user=x");
  });

  test("ssh has a user and options; behind a hop too", () => {
    const targets = { web1: { options: { user: "deploy" }, sshOptions: ["-p", "2222"] } };
    const [, web1 = []] = argvOf("bastion/web1", targets);
    expect(web1.slice(web1.indexOf("-l"), web1.indexOf("-l") + 4)).toEqual([
      ...["-l", "deploy", "-p", "2222"],
    ]);
  });

  test("a whole path takes precedence over a word, and chooses an interpreter", () => {
    const targets = { web1: { kind: "node" }, "bastion/web1": { python: "/opt/python" } } as const;
    const chosen = (path: string) => parsePath(path, { targets }).at(-1)?.interpreter;
    expect(chosen("bastion/web1")).toEqual({ python: "/opt/python" });
    expect(chosen("web1")).toEqual({ kind: "node" });
    expect(chosen("other")).toEqual({});
  });

  test("names of objects are no targets", () => {
    expect(labels("constructor/toString")).toEqual(["constructor", "toString"]);
  });
});

test("only the first hop has the options and the terminal of this machine", () => {
  const steps = parsePath("a/b", { ssh: { program: "my-ssh", interactive: true } });
  expect(steps.map(({ transport }) => transport.asks)).toEqual([true, false]);
  expect(steps.map(({ transport }) => transport.wrap(["x"])[0])).toEqual(["my-ssh", "ssh"]);
  const [behind] = parsePath("a", { ssh: { program: "my-ssh" }, behind: "bastion" });
  expect(behind?.transport.wrap(["x"])[0]).toBe("ssh");
});

test("a local context behind a hop has another disk", () => {
  const disks = parsePath("local/web1/local").map(({ transport }) => transport.sharesDisk);
  expect(disks).toEqual([true, false, false]);
});

/** Words that any path can have, made of what is special in paths. */
function words(): fc.Arbitrary<Word> {
  const piece = fc.oneof(
    fc.constantFrom("/", "%", "%2F", "%252f", "?", "&", "=", ":", "@", "sudo", "ssh:", "a", "ü"),
    fc.string({ minLength: 1, maxLength: 3 }),
  );
  const name = fc
    .array(piece, { minLength: 1, maxLength: 6 })
    .map((pieces) => pieces.join(""))
    .filter((text) => /^[^-\s\p{Cc}\p{Cs}][^\s\p{Cc}\p{Cs}]*$/u.test(text));
  const own = fc.constantFrom("sudo", "podman", "chroot", "jexec");
  const options = fc.record({ user: name }, { requiredKeys: [] });
  const nsList = fc.constantFrom("mount", "mount+net", "pid");
  return fc.oneof(
    fc.constant({ scheme: "local", destination: "local", options: {} }),
    name.map((destination) => ({ scheme: "ssh", destination, options: {} })),
    fc.record({ scheme: own, destination: name, options }).map((word) => ({
      ...word,
      destination: word.scheme === "chroot" ? `/${word.destination}` : word.destination,
      options: word.scheme === "sudo" ? {} : word.options,
    })),
    nsList.map((ns) => ({ scheme: "unshare", destination: "", options: { ns } })),
  );
}

test("what is written is read again, and one hop has one text", () => {
  fc.assert(
    fc.property(fc.array(words(), { minLength: 1, maxLength: 4 }), (path) => {
      const text = formatPath(path);
      expect(readWords(text)).toEqual(path);
      expect(formatPath(readWords(text))).toBe(text);
    }),
    { numRuns: 2_000 },
  );
});

test("any text is read, or refused with a place in it", () => {
  const pieces = fc.constantFrom(
    ...["/", "%", "%2F", "?", "&", "=", ":", "sudo", "ssh:", "ssh://", "a", "-", " ", "\0", "🎉"],
    ...SCHEMES.keys(),
  );
  fc.assert(
    fc.property(
      fc.array(pieces, { maxLength: 12 }).map((all) => all.join("")),
      (text) => {
        try {
          const path = formatPath(readWords(text));
          expect(formatPath(readWords(path))).toBe(path);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
          const [, shown = "", mark = ""] = (error as UsageError).message.split("\n");
          expect(mark.indexOf("^")).toBeWithin(2, shown.length + 1);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});
