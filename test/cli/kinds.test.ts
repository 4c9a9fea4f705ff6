/**
 * Which interpreter a command gets: what is asked for, what is looked for, and what is said when
 * there is none.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bun } from "../helpers/javascripts.ts";
import { writeScript } from "../helpers/scripts.ts";
import { econtext, FIXTURES, PYTHON, type Run, start } from "./econtext.ts";

const TASKS = "scripts/tasks.ts";
const BUN = ["--bun", bun().path];

/** With nothing on PATH but what `put` is for. */
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "econtext-kinds-"));
  for (const name of ["sh", "sleep", "cat"]) symlinkSync(Bun.which(name) ?? "", join(folder, name));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function onlyWith(
  interpreters: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<Run> {
  for (const [name, path] of Object.entries(interpreters)) symlinkSync(path, join(folder, name));
  try {
    await using child = start(args, { PATH: folder });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    await child.exited;
    return { stdout, stderr, status: child.exitCode };
  } finally {
    for (const name of Object.keys(interpreters)) rmSync(join(folder, name));
  }
}

describe("a function of a TypeScript file", () => {
  test("is called by the file's path, exported or not", async () => {
    expect(await econtext("call", ...BUN, "local", `${TASKS}:greet`, "you")).toEqual({
      stdout: "hello you\n",
      stderr: "",
      status: 0,
    });
    const named = await econtext(
      "call",
      ...BUN,
      "local",
      `./${TASKS}:tasks.greet`,
      "me",
      "greeting=hi",
    );
    expect(named.stdout).toBe("hi me\n");
  });

  test("that fails shows the user's own file, line and column", async () => {
    const { stderr, status } = await econtext("call", ...BUN, "local", `${TASKS}:fail`, "it");
    expect(stderr).toStartWith("local: RangeError: refused: it\n");
    expect(stderr).toContain(`${join(FIXTURES, "scripts/helper.ts")}:4:`);
    expect(status).toBe(1);
  });
});

test("builtins and globals", async () => {
  const path = await econtext("call", ...BUN, "local", "node:path/posix.join", "a", "b");
  expect(path.stdout).toBe("a/b\n");
  const max = await econtext("call", ...BUN, "--kind", "bun", "local", "Math.max", "1", "3");
  expect(max.stdout).toBe("3\n");
});

test("exec and ping", async () => {
  expect((await econtext("exec", ...BUN, "local", "--", "echo", "a")).stdout).toBe("a\n");
  expect((await econtext("ping", ...BUN, "local")).stdout).toMatch(/^local: bun \d/);
});

describe("with no kind, the function says what is looked for", () => {
  const both = { bun: bun().path, python3: PYTHON };
  test("a JavaScript function finds bun, a Python function python3", async () => {
    const javascript = await onlyWith(both, "call", "local", `${TASKS}:greet`, "you");
    expect(javascript.stdout).toBe("hello you\n");
    const python = await onlyWith(both, "call", "local", "json.dumps", "[1]");
    expect(python.stdout).toBe("[1]\n");
  });

  test("a command finds any", async () => {
    const command = ["exec", "local", "--", "sh", "-c", "echo it"];
    expect((await onlyWith({ bun: bun().path }, ...command)).stdout).toBe("it\n");
    expect((await onlyWith(both, ...command)).stdout).toBe("it\n");
    expect((await onlyWith(both, "ping", "local")).stdout).toStartWith("local: python ");
  });

  test("a kind forbids no language, a path does", async () => {
    const kind = await onlyWith(both, "call", "--kind", "python", "local", `${TASKS}:greet`, "you");
    expect(kind).toEqual({ stdout: "hello you\n", stderr: "", status: 0 });
    const run = await econtext("call", "--python", PYTHON, "local", `${TASKS}:greet`);
    expect(run.stderr).toEndWith(
      `${TASKS}:greet is a JavaScript function, and this context has one interpreter only, for Python, which was named by its path: connect without the path\n`,
    );
    expect(run).toMatchObject({ stdout: "", status: 2 });
    const other = await econtext("call", ...BUN, "local", "tasks.py:echo");
    expect(other.stderr).toContain("echo is a Python function, and this context");
  });

  test("a host that lacks the language says what is missing, and which way there is", async () => {
    const only = { python3: PYTHON };
    const run = await onlyWith(only, "call", "--kind", "python", "local", "node:os.hostname");
    expect(run.stderr).toStartWith("local: there is no JavaScript for this function: no interp");
    expect(run.stderr).toContain("--lend-runtime");
    expect(run).toMatchObject({ stdout: "", status: 2 });
  });
});

describe("none found", () => {
  test.each([
    [["call", "local", "node:os.hostname"], "(tried bun, node)", "--lend-runtime"],
    [["call", "local", "os.getpid"], "(tried python3, python, python2)", "--python PATH"],
    [["ping", "local"], "(tried python3, bun, node, python)", "--node PATH"],
    [["ping", "local", "--kind", "node"], "(tried node)", "--node PATH"],
    [["ping", "local", "--bun", "/absent/bun"], "(tried /absent/bun)", "--bun PATH"],
  ] as const)("%j says what was tried", async (args, tried, hint) => {
    const { stdout, stderr, status } = await onlyWith({}, ...args);
    expect(stdout).toBe("");
    expect(stderr).toStartWith(`local: no interpreter found ${tried}\n`);
    expect(stderr).toContain(hint);
    expect(status).toBe(255);
  });

  test("what is too old is named with its version", async () => {
    const said = "echo econtext: /opt/node v16.20.2 >&2";
    const old = writeScript(join(folder, "old-node"), `${said}\nexit 98`);
    const { stderr, status } = await onlyWith({ node: old }, "call", "local", "node:os.hostname");
    expect(stderr).toStartWith("local: /opt/node 16.20.2 is too old (tried bun, node; Node.js 18 ");
    expect(stderr).not.toContain("it said");
    expect(status).toBe(255);
  });
});

test("options that contradict each other are wrong usage", async () => {
  const two = await econtext("ping", "local", "--node", "n", "--bun", "b");
  expect(two.stderr).toBe("paths of node and bun are given; say which kind it shall be\n");
  expect(two).toMatchObject({ stdout: "", status: 2 });
  expect((await econtext("ping", "local", "--kind", "bun", "--node", "n")).status).toBe(2);
});

describe("bootstrap --print", () => {
  const plans: readonly (readonly [string[], tries: string])[] = [
    [[], "python3, bun, node, python"],
    [["--language", "python"], "python3, python, python2"],
    [["--language", "javascript"], "bun, node"],
    [["--kind", "python"], "python3, python, python2"],
    [["--kind", "node"], "node"],
    [["--bun", "/opt/bun"], "/opt/bun"],
  ];
  test.each(plans)("%j", async (options, tries) => {
    const { stdout, status } = await econtext("bootstrap", "web1", "--print", ...options);
    expect(stdout).toContain(`\nlooks for ${tries}\n`);
    expect(stdout).toMatch(/^core +\d+ bytes, sha256 [0-9a-f]{64}$/m);
    expect(status).toBe(0);
  });

  test("the core of both languages is the sum of its parts", async () => {
    const size = async (...options: string[]) => {
      const { stdout } = await econtext("bootstrap", "web1", "--print", "--json", ...options);
      return (JSON.parse(stdout) as { constant: { core: { bytes: number } } }).constant.core.bytes;
    };
    const [any, python, node] = await Promise.all([
      size(),
      size("--kind", "python"),
      size("--kind", "node"),
    ]);
    expect(any).toBeGreaterThan(python + node);
    expect(await size("--kind", "bun")).toBe(node);
  });
});

test.each(["embedded", "auto"])("--plan and bootstrap tell of --ssh %s", async (engine) => {
  const plan = await econtext("exec", "--plan", "--ssh", engine, "web9/local", "--", "true");
  expect(plan.stdout).toMatch(
    new RegExp(`^${engine.padEnd(10)}ssh .* -- web9 BOOTSTRAP\nruns `, "m"),
  );
  const { stdout } = await econtext("bootstrap", "--ssh", engine, "web9/local");
  expect(stdout).toMatch(new RegExp(`^${engine.padEnd(10)}\\["ssh",[^]*^runs {6}\\[`, "m"));
});
