import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfiguration } from "../../src/config/configuration.ts";
import { findConfiguration } from "../../src/config/files.ts";
import { UsageError } from "../../src/errors.ts";
import type { SshOptions } from "../../src/transports/ssh.ts";
import { parsePath } from "../../src/tree/target-path.ts";

const JAIL = `
[transports.jail]
argv = ["unshare", "--mount", ["--root={root}"], "--setuid={uid}", "--", "{command}"]
client = true
network = true

[transports.jail.defaults]
uid = "33"

[[transports.jail.failures]]
text = "failed: (x)"
status = 1
cause = "permission-denied"
hint = "ask {noun}s"

[[transports.jail.failures]]
status = 42
`;

const read = (text: string) => readConfiguration("a.toml", text);
const wrapped = (text: string, path: string, prompt?: string): string[][] =>
  parsePath(path, read(text)).map(({ transport }) => transport.wrap(["x", "y"], prompt));

function problemOf(text: string): string {
  try {
    const { schemes, targets } = read(text);
    // One that is wrong is told where it is used.
    for (const { problem } of [...schemes.values(), ...Object.values(targets)]) {
      if (problem !== undefined) throw problem;
    }
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).code).toBe("ERR_USAGE_CONFIG");
    return (error as UsageError).message;
  }
  throw new Error("it was accepted");
}

describe("transports", () => {
  test("a template is filled, groups without a value are left out", () => {
    expect(wrapped(JAIL, "jail/jail?root=%2Fsrv&uid=7")).toEqual([
      ["unshare", "--mount", "--setuid=33", "--", "x", "y"],
      ["unshare", "--mount", "--root=/srv", "--setuid=7", "--", "x", "y"],
    ]);
    const [step] = parsePath("jail", read(JAIL));
    expect(step?.transport).toMatchObject({ isClient: true, hasNetwork: true, label: "jail" });
  });

  test("failures are found by text, status, or both; a text is no pattern", () => {
    const [step] = parsePath("jail", read(JAIL));
    const explain = step?.transport.explain ?? (() => undefined);
    expect(explain(1, "it failed: (x)!\n")?.code).toBe("ERR_TRANSPORT_PERMISSION_DENIED");
    expect(explain(1, "it failed: (x)!\n")?.hint).toBe("ask places");
    expect(explain(2, "it failed: (x)!\n")).toBeUndefined();
    expect(explain(1, "it failed: x!\n")).toBeUndefined();
    expect(explain(42, "")?.code).toBe("ERR_TRANSPORT_FAILED");
  });

  test("a prompt is given when questions can be answered", () => {
    const text = `[transports.up]
argv = ["up", ["-p", "{prompt}"], "{destination}", "{command}"]
prompt = "nonce"
password_of = "destination"
noun = "role"
default = "admin"
`;
    expect(wrapped(text, "up")).toEqual([["up", "admin", "x", "y"]]);
    expect(wrapped(text, "up:dba", "nonce")).toEqual([["up", "-p", "nonce", "dba", "x", "y"]]);
    const [step] = parsePath("up:dba", read(text));
    expect(step?.transport.password).toEqual({ prompt: "nonce", user: "dba" });
  });

  test("a character can be doubled in the command", () => {
    const text = '[transports.unit]\nargv = ["unit", "$A", "{command}"]\ndoubled = "$"';
    const [step] = parsePath("unit", read(text));
    expect(step?.transport.wrap(["echo", "$B$"])).toEqual(["unit", "$A", "echo", "$$B$$"]);
  });

  test("a built-in one can be replaced", () => {
    const text =
      '[transports.docker]\nargv = ["nerdctl", "exec", "-i", "{destination}", "{command}"]';
    expect(wrapped(text, "docker:app")).toEqual([["nerdctl", "exec", "-i", "app", "x", "y"]]);
  });
});

describe("targets", () => {
  test("a word stands for a path, and chooses an interpreter", () => {
    const text = `
[targets.app]
path = "bastion/podman:app?user=www"
python = "/opt/python"
[targets.web1]
user = "deploy"
ssh_options = ["-p", "2222"]
[targets.web2]
ssh = "embedded"
[targets."web[3-4]"]
ssh = "auto"
[targets.web4]
ssh = "ssh"
[targets.db]
transport = "podman"
cwd = "/srv"
[targets."bastion/db"]
kind = "node"
`;
    const configuration = read(text);
    const last = parsePath("app", configuration).at(-1);
    expect(last?.interpreter).toEqual({ python: "/opt/python" });
    expect(last?.transport.label).toBe("podman:app?user=www");
    expect(wrapped(text, "db")).toEqual([
      ["podman", "exec", "-i", "--workdir=/srv", "db", "x", "y"],
    ]);
    expect(parsePath("bastion/db", configuration).at(-1)?.interpreter).toEqual({ kind: "node" });
    const engineOf = (ssh: SshOptions, target = "web2") =>
      parsePath(target, { ...configuration, ssh })[0]?.transport.engine;
    expect(engineOf({})).toBe("embedded");
    expect([engineOf({}, "web3"), engineOf({}, "web4")]).toEqual(["auto", undefined]);
    expect(engineOf({ engine: "auto" }, "web4")).toBe("auto");
    expect(engineOf({ engine: "auto" })).toBe("auto");
    expect(engineOf({ program: "ssh" })).toBeUndefined();
    expect(() => engineOf({ engine: "embeded" as never })).toThrow('not "embeded"');
    expect(() => engineOf({ options: ["-F", undefined as never] })).toThrow("expected a list of");
    expect(parsePath("web2/web2", configuration)[1]?.transport.engine).toBe("embedded");
    expect(wrapped(text, "web1")[0]).toEqual(expect.arrayContaining(["-l", "deploy", "2222"]));
  });
});

describe("what is wrong is named, with file and key", () => {
  test.each([
    ["x = ", "a.toml:1: TOML Parse error: Missing value after '='"],
    ["\n[a]\nx = 1\nx = 2\n", "a.toml:4: TOML Parse error: Cannot redefine key 'x'"],
    ["x = 1", "a.toml: x: no such key; there are transports, targets"],
    ["transports = 3", "a.toml: transports: expected a table, not 3"],
    ["[transports.A]\nargv = 1", "a.toml: transports.A: a transport's name has lower-case letters"],
    ["[transports.ssh]", "a.toml: transports.ssh: "],
    [
      '[transports.a]\nargv = ["a", "{command}"]\ndoubled = "$$"',
      "a.doubled: expected one character",
    ],
    ["[transports.a]", "a.toml: transports.a.argv: needed: a list of words, with {command}"],
    ['[transports.a]\nargv = "sh"', "a.toml: transports.a.argv: expected a list, not the text"],
    ["[transports.a]\nargv = [1]", "a.toml: transports.a.argv: expected texts, and lists of texts"],
    ['[transports.a]\nargv = ["sh"]', "{command} is needed once, as a word of its own"],
    [
      '[transports.a]\nargv = ["sh", ["{command}"]]',
      "{command} is needed once, as a word of its own",
    ],
    ['[transports.a]\nargv = ["{x}", "{command}"]', "the first word names the program to run"],
    [
      '[transports.a]\nargv = ["a", "{x}", "{command}"]',
      "{x} may be missing: it needs a list of its",
    ],
    [
      '[transports.a]\nargv = ["a", ["{prompt}"], "{command}"]',
      "a.toml: transports.a.prompt: {prompt}",
    ],
    [
      '[transports.a]\nargv = ["a", "{prompt}", "{command}"]\nprompt = "nonce"',
      "{prompt} may be missing: it needs a list of its own",
    ],
    [
      '[transports.a]\nargv = ["a", "{command}"]\nprompt = "x"',
      'a.toml: transports.a.prompt: "x" is none of nonce, any, terminal',
    ],
    [
      '[transports.a]\nargv = ["a", "{command}"]\nisClient = true',
      "a.toml: transports.a.isClient: no such",
    ],
    [
      '[transports.a]\nargv = ["a", "{command}"]\n[transports.a.defaults]\nx = "1"',
      "a.toml: transports.a.defaults.x: no such key",
    ],
    [
      '[transports.a]\nargv = ["a", "{command}"]\n[[transports.a.failures]]\ncause = "failed"',
      "a.toml: transports.a.failures[0]: needed: text",
    ],
    [
      '[transports.a]\nargv = ["a", "{command}"]\n[[transports.a.failures]]\nstatus = "1"',
      'a.toml: transports.a.failures[0].status: expected a whole number, not the text "1"',
    ],
    [
      '[targets.web1]\nkind = "perl"',
      'a.toml: targets.web1.kind: "perl" is none of python, node, bun',
    ],
    ['[targets.web1]\npython = "x"\nnode = "y"', "a.toml: targets.web1: paths of python and node"],
    ['[targets.web1]\npath = "a//b"', "a.toml: targets.web1.path: not a target: there is no word"],
    [
      '[targets.web1]\npath = "a"\ntransport = "sudo"',
      "a.toml: targets.web1.transport: with a path",
    ],
    [
      '[targets.web1]\ntransport = "pod"',
      "a.toml: targets.web1.transport: no such transport; there",
    ],
    [
      '[targets.app]\ntransport = "podman"\nssh_options = []',
      "a.toml: targets.app.ssh_options: podman",
    ],
    [
      '[targets.web1]\nssh = "own"',
      'a.toml: targets.web1.ssh: "own" is none of ssh, embedded, auto',
    ],
    ['[targets.app]\ntransport = "podman"\nssh = "auto"', "a.toml: targets.app.ssh: podman has no"],
    ['[targets."a//b"]', 'a.toml: targets."a//b": not a target: '],
    ['[targets.web1]\ncwd = "/"', "a.toml: targets.web1.cwd: no such key; there are kind, python"],
    ['[targets.web1]\nuser = "-x"', "a.toml: targets.web1.user: a name cannot begin with a dash"],
    [
      '[targets.x]\ntransport = "nsenter"\nns = "all+foo"',
      'a.toml: targets.x.ns: ns cannot be "foo"',
    ],
  ])("%p", (text, problem) => {
    expect(problemOf(text)).toContain(problem);
    expect(problemOf(text)).toStartWith("a.toml");
  });
});

test("what is wrong fails only the paths that use it", () => {
  const wrong = read(
    "[transports.bad]\nargv = 1\n[transports.My_Bad]\nargv = 1\n[targets.x]\nkind = 1\n" +
      '[targets.y]\npath = "local/bad"\n[targets.z]\nkind = "node"\n',
  );
  const problem = (path: string): string | undefined => {
    try {
      parsePath(path, wrong);
    } catch (error) {
      return (error as UsageError).message;
    }
    return undefined;
  };
  const place = "a.toml: transports.bad.argv: expected a list";
  for (const path of ["bad", "bad:x", "web1/bad?x=1", "y"]) {
    expect(problem(path)).toStartWith(place);
  }
  expect(problem("My_Bad:x")).toStartWith("a.toml: transports.My_Bad: a transport's name");
  expect(problem("x")).toStartWith("a.toml: targets.x.kind: ");
  expect(["local", "web1/sudo", "z", "ssh:bad"].map(problem)).toEqual(Array(4).fill(undefined));
});

describe("files", () => {
  function folders() {
    const root = mkdtempSync(join(tmpdir(), "econtext-config-"));
    const project = join(root, "project");
    mkdirSync(join(project, "a/b"), { recursive: true });
    mkdirSync(join(root, "home/.config/econtext"), { recursive: true });
    const warnings: string[] = [];
    return {
      project,
      own: join(root, "home/.config/econtext/econtext.toml"),
      file: join(project, "econtext.toml"),
      warnings,
      find: () =>
        findConfiguration(join(project, "a/b"), { HOME: join(root, "home") }, (line) => {
          warnings.push(line);
        }),
      [Symbol.dispose]: () => rmSync(root, { recursive: true }),
    };
  }

  test("the nearest above, and the user's own; the project takes precedence", () => {
    using at = folders();
    expect(at.find().targets).toEqual({});
    writeFileSync(at.own, '[targets.a]\npath = "own"\n[targets.b]\npath = "own"\n');
    writeFileSync(at.file, '[targets.a]\npath = "project"\n');
    const targets = { a: { path: "project" }, b: { path: "own" } };
    expect(at.find().targets).toEqual(targets);
    writeFileSync(join(at.project, "a/econtext.toml"), '[targets.a]\npath = "nearer"\n');
    expect(at.find().targets).toEqual({ ...targets, a: { path: "nearer" } });
  });

  test("a project may use the user's transports", () => {
    using at = folders();
    writeFileSync(at.own, '[transports.jail]\nargv = ["jail", "{command}"]\n');
    writeFileSync(at.file, '[targets.a]\npath = "web1/jail"\n');
    expect(parsePath("a", at.find()).at(-1)?.transport.wrap(["x"])).toEqual(["jail", "x"]);
  });

  test("a file that others may write to is not read, and that is told", () => {
    using at = folders();
    writeFileSync(at.file, '[targets.a]\npath = "evil"\n');
    chmodSync(at.file, 0o666);
    expect(at.find().targets).toEqual({});
    expect(at.warnings).toEqual([`${at.file} is not read: every user may write to it`]);
    if (process.getuid?.() !== 0) return;
    chmodSync(at.file, 0o644);
    chownSync(at.file, 12_345, 12_345);
    expect(at.find().targets).toEqual({});
    expect(at.warnings[1]).toBe(`${at.file} is not read: it belongs to another user`);
  });

  test("what is no file is an error that names it", () => {
    using at = folders();
    mkdirSync(at.file);
    expect(() => at.find()).toThrow(`${at.file}: cannot be read: it is not a file`);
    rmSync(at.file, { recursive: true });
    symlinkSync("nowhere", at.file);
    const lost = `${at.file}: cannot be read: it is a link to a file that does not exist`;
    expect(() => at.find()).toThrow(lost);
    rmSync(at.file);
    symlinkSync("econtext.toml", at.file);
    expect(() => at.find()).toThrow(`${at.file}: cannot be read: ELOOP`);
  });
});
