/**
 * One context for both languages, on this machine and through sshd; and on hosts that lack one of
 * them. What a host has is what stands in a folder that is all of its PATH.
 */
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Broker, type ConnectOptions, type Context } from "../../src/index.ts";
import { bun, nodeOf, nodeVersions } from "../helpers/javascripts.ts";
import { missingMinimal, prune } from "../helpers/minimal-pythons.ts";
import { pythonOf, pythonVersions } from "../helpers/pythons.ts";
import { sample } from "../helpers/sample.ts";
import { writeScript } from "../helpers/scripts.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { javascriptKind } from "./javascript.ts";
import { type BothWays, languages } from "./languages.ts";
import { pythonKind } from "./python.ts";
import { failureOf, opener } from "./session.ts";

const { PATH = "" } = process.env;
let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "econtext-languages-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => {
  process.env["PATH"] = PATH;
});

/** @returns a folder for PATH with a shell, and interpreters by their names */
function pathWith(programs: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(dir, "path-"));
  const all = { sh: "/bin/sh", sleep: Bun.which("sleep") ?? "", ...programs };
  for (const [name, path] of Object.entries(all)) symlinkSync(path, join(folder, name));
  return folder;
}

const pythonOn = sample(pythonVersions());
const nodeOn = sample(nodeVersions());
const newest = pythonOf(pythonOn.at(-1) ?? "3.13");

const HOSTS = [
  { python: pythonOn[0], node: nodeOn[0] },
  { python: pythonOn.at(-1), node: nodeOn.at(-1) },
  { python: pythonOn.at(-1), node: undefined },
] as const;

for (const { python = "3.13", node } of HOSTS) {
  const script = node === undefined ? bun() : nodeOf(node);
  const name = node === undefined ? "bun" : "node";
  const title = `Python ${python} and ${name} ${node ?? ""}`.trim();
  const kinds = { python: pythonKind(python), javascript: javascriptKind(name, node ?? "") };
  const roots = [...kinds.python.roots, ...kinds.javascript.roots];
  const path = () =>
    pathWith({ python3: pythonOf(python).python?.path ?? "", [name]: script.path });
  const open =
    (target: string, options: () => ConnectOptions): BothWays["connect"] =>
    (more) =>
      opener(target, { ...kinds.python, roots }, options)(more);

  suite(`${title}, local`, pythonOf(python).missing ?? script.missing, "python", () => {
    const connect = open("local", () => ({}));
    languages({
      ...kinds,
      hasLease: python === pythonOn[0],
      connect: (more) => {
        process.env["PATH"] = path();
        return connect(more);
      },
    });
  });

  if (node !== nodeOn.at(-1)) continue;
  suite(`${title}, behind a context`, pythonOf(python).missing ?? script.missing, "python", () => {
    const connect = open("local/local", () => ({}));
    languages({
      ...kinds,
      hasLease: false,
      connect: (more) => {
        process.env["PATH"] = path();
        return connect(more);
      },
    });
  });
  suite(`${title}, ssh`, missingSshd() ?? script.missing, "sshd", () => {
    let server: SshServer;
    beforeAll(async () => {
      const shell = writeScript(join(dir, "shell"), `export PATH=${path()}\nexec /bin/sh "$@"`);
      server = await startSshd({ loginShell: shell });
    });
    afterAll(() => server[Symbol.asyncDispose]());
    languages({
      ...kinds,
      hasLease: true,
      connect: open("target", () => ({ ssh: { options: ["-F", server.configPath] } })),
    });
  });
}

async function on<T>(
  programs: Readonly<Record<string, string>>,
  options: ConnectOptions,
  work: (context: Context) => Promise<T>,
): Promise<T> {
  process.env["PATH"] = pathWith(programs);
  await using broker = new Broker();
  return await work(await broker.connect("local", options));
}

suite("a host that lacks a language", newest.missing, "python", () => {
  const python3 = newest.python?.path ?? "";
  const lacking = { code: "ERR_USAGE_LANGUAGE", exitStatus: 2 };

  test("tells the calls that need it, which way there is, and serves the others", async () => {
    await on({ python3 }, {}, async (context) => {
      expect(await context.call("len", [1])).toBe(1);
      const refused = await failureOf(context.call("node:os.hostname"));
      expect(refused).toMatchObject(lacking);
      expect(String(refused)).toMatch(
        /^UsageError: local: there is no JavaScript for this function: .*\(tried bun, node\)\n.*--lend-runtime/,
      );
      expect(await context.call("len", [1])).toBe(1);
      expect(await failureOf(context.call((a: number) => a, 1))).toMatchObject(lacking);
      expect(await context.$`echo it`.text()).toBe("it\n");
    });
    await on({ bun: bun().path }, {}, async (context) => {
      expect(await context.$`echo it`.text()).toBe("it\n");
      const refused = await failureOf(context.call("os.getpid"));
      expect(refused).toMatchObject(lacking);
      expect(String(refused)).toContain("(tried python3, python, python2)");
      expect(await context.call("node:path.basename", "/a/b")).toBe("b");
    });
  });

  test("whose functions are called first: the other language takes its place", async () => {
    await on({ python3 }, {}, async (context) => {
      const missing = { code: "ERR_BOOTSTRAP_NO_INTERPRETER" };
      const [first, beside] = [
        failureOf(context.call("node:os.hostname")),
        context.call("len", [1]),
      ];
      expect(await first).toMatchObject(missing);
      expect(await beside).toBe(1);
      expect(await context.$`echo it`.text()).toBe("it\n");
      expect(await context.ready()).toMatchObject({ kind: "python" });
      expect(await context.ping()).toBeNumber();
      expect(await failureOf(context.call("node:os.hostname"))).toMatchObject(missing);
    });
    await on({ python3 }, {}, async (context) => {
      await failureOf(context.call("node:os.hostname"));
      expect(await context.$`echo it`.text()).toBe("it\n");
    });
  });

  test("a kind chooses where there is a choice, and forbids nothing", async () => {
    const both = { python3, bun: bun().path };
    await on(both, { kind: "python" }, async (context) => {
      expect(await context.call("node:path.basename", "/a/b")).toBe("b");
      expect(await context.ready()).toMatchObject({ kind: "python" });
    });
    await on(both, { kind: "bun" }, async (context) => {
      // A name that may be of either language is the kind's.
      expect(await context.call("Math.max", 1, 2)).toBe(2);
      expect(await context.call("operator:add", 1, 2)).toBe(3);
    });
  });

  test("an interpreter that was named by its path is the only one", async () => {
    const both = { python3, bun: bun().path };
    await on(both, { python: python3 }, async (context) => {
      const refused = await failureOf(context.call("node:os.hostname"));
      expect(refused).toMatchObject(lacking);
      expect(String(refused)).toContain("connect without the path");
      expect(await context.call("len", [1])).toBe(1);
    });
    await on(both, { bun: bun().path }, async (context) => {
      expect(await failureOf(context.call("operator:add", 1, 2))).toMatchObject(lacking);
      expect(await context.call("Math.max", 1, 2)).toBe(2);
    });
  });

  test("a second slave that did not start is started anew by the next call", async () => {
    const mark = join(dir, "mark");
    writeFileSync(mark, "");
    const once = `if [ -e ${mark} ]; then /bin/rm ${mark}; exit 7; fi\nexec ${bun().path} "$@"`;
    const script = writeScript(join(dir, "once"), once);
    await on({ python3, bun: script }, {}, async (context) => {
      expect(await context.call("len", [1])).toBe(1);
      expect(await failureOf(context.call("node:os.hostname"))).toMatchObject({
        code: "ERR_BOOTSTRAP_FAILED",
      });
      expect(await context.call("node:path.basename", "/a/b")).toBe("b");
      expect(await context.call("len", [1])).toBe(1);
    });
  });
});

/** What a language lacks on a host, the other does. */
suite("a terminal for a command", missingMinimal("3.11") ?? newest.missing, "python", () => {
  let minimal = "";
  beforeAll(() => {
    minimal = prune("3.11", dir);
  });
  const python3 = newest.python?.path ?? "";
  const node = nodeOf(nodeOn.at(-1) ?? "22").path;
  const NODE = "Node.js cannot make a terminal, which Python and Bun can";
  const TERMIOS = /^a terminal needs the Python module termios, and .+ has none \(Debian: .+\)/;

  async function typed(context: Context) {
    const tty = { columns: 91, rows: 17 };
    const script = "test -t 0 && stty size; read a; echo got $a; exit 3";
    const command = context.exec(["sh", "-c", script], { tty, stdin: "x\n" });
    const shown = await command.stdout.text();
    // The echo may come before the answer or after it.
    const lines = shown.split("\r\n").sort();
    return { lines, ...(await command.exited) };
  }
  const stty = Bun.which("stty") ?? "";
  const made = { lines: ["", "17 91", "got x", "x"], status: 3 };

  test("is made by Bun beside a Python that has no termios", async () => {
    await on({ python3: minimal, bun: bun().path, stty }, {}, async (context) => {
      for (let i = 0; i < 2; i++) expect(await typed(context)).toEqual(made);
      expect(await context.ready()).toMatchObject({ kind: "python" });
      expect(await context.call("len", [1])).toBe(1);
    });
  });

  test("is made by Python beside a Node.js that came first", async () => {
    await on({ python3, node, stty }, { kind: "node" }, async (context) => {
      expect(await typed(context)).toEqual(made);
    });
    await on({ python3, node, stty }, {}, async (context) => {
      expect(await context.call("node:path.basename", "/a/b")).toBe("b");
      expect(await typed(context)).toEqual(made);
    });
  });

  test("is refused by the names of all that is missing, where no language makes one", async () => {
    const refused = { lines: [""], status: 126 };
    await on({ node }, {}, async (context) => {
      const { problem, ...rest } = await typed(context);
      expect(rest).toEqual(refused);
      expect(problem).toBe(`${NODE}; no interpreter found (tried python3, python, python2)`);
    });
    await on({ python3: minimal, node }, {}, async (context) => {
      const { problem = "", ...rest } = await typed(context);
      expect(rest).toEqual(refused);
      expect(problem).toMatch(TERMIOS);
      expect(problem).toEndWith(`; ${NODE}`);
    });
    await on({ python3: minimal }, {}, async (context) => {
      const { problem = "" } = await typed(context);
      expect(problem).toMatch(TERMIOS);
      expect(problem).toEndWith("; no interpreter found (tried bun, node)");
    });
    await on({ python3, node }, { node }, async (context) => {
      expect(await typed(context)).toEqual({ ...refused, problem: NODE });
    });
  });
});
