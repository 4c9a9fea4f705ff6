/**
 * The programs of examples/, as a user runs them, against a real sshd whose PATH has a Bun. `ssh`
 * on our PATH is the system's, with the test server's configuration.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ECONTEXT, type Run } from "../cli/econtext.ts";
import { writeScript } from "../helpers/scripts.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";

const EXAMPLES = join(import.meta.dir, "../../examples");
const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(" ");

suite("examples, ssh", missingSshd(), "sshd", () => {
  let dir = "";
  let server: SshServer | undefined;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "econtext-examples-"));
    mkdirSync(join(dir, "near"));
    mkdirSync(join(dir, "far"));
    symlinkSync(process.execPath, join(dir, "far/bun"));
    server = await startSshd({ config: [`SetEnv PATH=${join(dir, "far")}:/usr/bin:/bin`] });
    writeScript(
      join(dir, "near/ssh"),
      `exec ${Bun.which("ssh") ?? "ssh"} -F ${server.configPath} "$@"`,
    );
    writeScript(join(dir, "near/econtext"), `exec ${quoted(ECONTEXT)} "$@"`);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  const start = (argv: readonly string[], cwd = EXAMPLES) =>
    Bun.spawn([...argv], {
      cwd,
      env: { ...process.env, PATH: `${join(dir, "near")}:${process.env["PATH"] ?? ""}` },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
  const run = async (argv: readonly string[], cwd?: string): Promise<Run> => {
    await using child = start(argv, cwd);
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    await child.exited;
    return { stdout, stderr, status: child.exitCode };
  };

  test("deploy.ts: a function of the file itself; its commands' output arrives in the log", async () => {
    const folder = join(dir, "app");
    mkdirSync(folder);
    writeFileSync(join(folder, "index.html"), "hello\n");
    const made = await run(["tar", "czf", "app-1.4.tar.gz", "index.html"], folder);
    expect(made.status).toBe(0);
    rmSync(join(folder, "index.html"));
    const { stdout, stderr, status } = await run([
      "econtext",
      "deploy.ts",
      "target",
      "1.4",
      folder,
    ]);
    expect([stdout, status]).toEqual(["app 1.4 is installed on target\n", 0]);
    expect(stderr).toContain("target: stdout: index.html");
    expect(await Bun.file(join(folder, "index.html")).text()).toBe("hello\n");
  });

  test("load: a script without an ending, run by its name from another directory", async () => {
    symlinkSync(join(EXAMPLES, "load"), join(dir, "near/load"));
    const { stdout, stderr, status } = await run(["load", "target", "target2"], "/");
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^target: \S+ has a load of [\d.e-]+ on \d+ processors\ntarget2: /);
    expect(status).toBe(0);
  });

  test("packages: ES modules only, CommonJS only, an exports map, and some hundred modules", async () => {
    const { stdout, stderr, status } = await run(["econtext", "packages/main.ts", "target"]);
    expect(stderr).toBe("");
    expect(stdout).toContain("same: true");
    expect(stdout).toContain('level: "9"');
    expect(stdout).toEndWith("lost nothing in 100 runs\n");
    expect(status).toBe(0);
  });

  test("python: functions of tasks.py, and an exception of theirs", async () => {
    const { stdout, stderr, status } = await run(["econtext", "python/main.ts", "target"]);
    expect(stderr).toBe("");
    expect(stdout).toContain("three: 3");
    expect(stdout).toMatch(/\nZeroDivisionError: integer division .*\n$/);
    expect(status).toBe(0);
  });

  test("follow.ts: lines by a generator and by a channel", async () => {
    const file = join(dir, "followed.log");
    writeFileSync(file, "one\ntwo\nthree\nfour\n");
    const { stdout, stderr, status } = await run(["econtext", "follow.ts", "target", file, "3"]);
    expect(stderr).toBe("");
    expect(stdout).toBe("one\ntwo\nthree\nagain, by a channel: one\n");
    expect(status).toBe(0);
  });

  test("tail.ts: what is appended meanwhile arrives, and the deadline is the end of it", async () => {
    const file = join(dir, "tailed.log");
    const follow = async (seconds: number): Promise<string> => {
      writeFileSync(file, "first\n");
      await using child = start(["econtext", "tail.ts", "target", file, String(seconds)]);
      let seen = "";
      for await (const chunk of child.stderr) {
        const had = seen.includes("first");
        seen += new TextDecoder().decode(chunk);
        if (!had && seen.includes("first")) appendFileSync(file, "second\n");
      }
      expect(await child.exited).toBe(0);
      return seen;
    };
    // How much a machine does until a deadline is its affair.
    let seen = "";
    for (let seconds = 1; !seen.includes("second"); seconds *= 4) seen = await follow(seconds);
    expect(seen).toContain("target: stdout: first");
    expect(seen).toContain("target: stdout: second");
  }, 120_000);

  test("a throw in a helper module names its line and column, in a program and in econtext call", async () => {
    const folder = join(dir, "thrower");
    mkdirSync(folder);
    writeFileSync(
      join(folder, "helper.ts"),
      "type Never = never;\n\nexport function fail(what: string): Never {\n  throw new RangeError('no ' + what);\n}\n",
    );
    writeFileSync(
      join(folder, "main.ts"),
      'import { run } from "econtext";\nimport { fail } from "./helper.ts";\n' +
        'function work(): void {\n  fail("way");\n}\n' +
        "run(async (broker) => (await broker.connect(process.argv[2] as string)).call(work));\n",
    );
    const program = await run(["econtext", "main.ts", "target"], folder);
    expect(program.stderr).toContain("RangeError: no way");
    // Of what throws: `new`, its class, or (Bun) its arguments.
    expect(program.stderr).toMatch(/helper\.ts:4:(?:9|13|23)\b/);
    expect(program.stderr).toMatch(/main\.ts:4:(?:3|7)\b/);
    expect(program.status).toBe(1);
    const call = await run(["econtext", "call", "target", "helper.ts:fail", "luck"], folder);
    expect(call.stderr).toContain("RangeError: no luck");
    expect(call.stderr).toMatch(/helper\.ts:4:(?:9|13|23)\b/);
    expect(call.status).toBe(1);
  });

  const REFUSED = [
    'import { run } from "econtext";',
    "async function native(): Promise<unknown> {",
    '  return import("addon" as string);',
    "}",
    "async function outside(): Promise<unknown> {",
    '  return import("../outside.ts" as string);',
    "}",
    "run(async (broker) => {",
    "  const far = await broker.connect(process.argv[2] as string);",
    "  const local = Date.now();",
    "  const given = { inner: [Symbol()] };",
    "  const refused = {",
    "    closure: () => far.call(() => local),",
    // A call in tail position leaves no frame of its own.
    "    value: async () => await far.call((value: unknown) => value, given),",
    "    native: () => far.call(native),",
    "    outside: () => far.call(outside),",
    "  }[process.argv[3] as string];",
    "  await refused?.().catch((error) => {",
    "    console.log(error.code);",
    "    throw error;",
    "  });",
    "});",
    "",
  ];
  const ADDON = '"use strict";\n\nmodule.exports = require("./a.node");\n';

  for (const { what, code, says, exit } of [
    {
      what: "closure",
      code: "ERR_USAGE_CLOSURE",
      says: /\/main\.ts:13: the function closes over local; pass it/,
      exit: 2,
    },
    {
      what: "value",
      code: "ERR_VALUE_UNSENDABLE",
      says: /cannot send args\[0\]\.inner\[0\]: .*\n.*\/main\.ts:14:/,
      exit: 2,
    },
    {
      what: "native",
      code: "ERR_CALL_FAILED",
      says: /package addon needs a native addon, .*a\.node is one, imported from .*\/addon\/index\.js:3:18/,
      exit: 1,
    },
    {
      what: "outside",
      code: "ERR_CALL_FAILED",
      says: /\/outside\.ts is outside of the folders .*, imported from .*\/main\.ts:6:10/,
      exit: 1,
    },
  ]) {
    test(`refused, with code, file and line: ${what}`, async () => {
      const folder = join(dir, `refused-${what}`);
      const addon = join(folder, "node_modules/addon");
      mkdirSync(addon, { recursive: true });
      writeFileSync(join(addon, "package.json"), '{"name":"addon","main":"index.js"}');
      writeFileSync(join(addon, "index.js"), ADDON);
      writeFileSync(join(addon, "a.node"), "\x7fELF");
      writeFileSync(join(dir, "outside.ts"), "export const secret = 1;\n");
      writeFileSync(join(folder, "main.ts"), REFUSED.join("\n"));
      const { stdout, stderr, status } = await run(["econtext", "main.ts", "target", what], folder);
      expect([stdout, status]).toEqual([`${code}\n`, exit]);
      expect(stderr).toMatch(says);
      // One block: of our own frames there is none.
      expect(stderr).not.toMatch(/\$bunfs|\/src\/|node:|native:/);
    });
  }

  test("every example satisfies tsc, with the types that init writes", async () => {
    const copy = join(dir, "typed");
    cpSync(EXAMPLES, copy, { recursive: true });
    cpSync(join(copy, "load"), join(copy, "load.ts"));
    symlinkSync(join(EXAMPLES, "../node_modules"), join(copy, "node_modules"));
    expect((await run(["econtext", "init", copy])).status).toBe(0);
    const tsc = join(EXAMPLES, "../node_modules/typescript/bin/tsc");
    const { stdout } = await run([process.execPath, tsc, "--noEmit", "-p", copy]);
    expect(stdout).toBe("");
  });
});
