/**
 * What lies in the folder that an interpreter starts in (over ssh: the home folder) is none of the
 * bootstrap's business: files that are named as modules of the standard library are not run, and a
 * virtualenv answers for itself from the first call on.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Broker, CallError, type ConnectOptions, type Context } from "../../src/index.ts";
import { PYTHON_TIER2 } from "../../src/interpreters/embedded.ts";
import { failureOf } from "../conformance/session.ts";
import { pythons } from "../helpers/pythons.ts";
import { sample } from "../helpers/sample.ts";
import { writeScript } from "../helpers/scripts.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";

const STAGE1 = join(import.meta.dir, "../../stage1/python");
const ROOT = join(import.meta.dir, "../fixtures/python/root");
const folder = mkdtempSync(join(tmpdir(), "econtext-folder-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** All that the core and the second tier import, and what that imports in its turn. */
function importedModules(): string[] {
  const sources = readdirSync(STAGE1, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".py"))
    .map((file) => readFileSync(join(STAGE1, file), "utf8"));
  const direct = sources.flatMap((source) =>
    [...source.matchAll(/^ *(?:import|from) ([\w.]+(?:, ?\w+)*)/gm)].flatMap(([, names = ""]) =>
      names.split(/, ?/).map((name) => name.split(".")[0] ?? ""),
    ),
  );
  const indirect = ["site", "sitecustomize", "json", "re", "io", "posixpath", "warnings", "types"];
  return [...new Set([...direct, ...indirect])].filter((name) => name !== "econtext");
}

/** What an interpreter imports before the first line of ours, with `site` and without. */
function ownModules(python: string): string[] {
  const code = "import sys; print(' '.join(sys.modules))";
  const said = ["-BSc", "-Bc"].map((flags) =>
    Bun.spawnSync([python, flags, code], { cwd: "/" }).stdout.toString().trim().split(" "),
  );
  return [...new Set(said.flat().map((name) => name.split(".")[0] ?? ""))];
}

async function using(
  options: ConnectOptions,
  work: (context: Context) => Promise<void>,
  target = "local",
): Promise<void> {
  await using broker = new Broker({ roots: [ROOT], onLog: () => {} });
  await work(await broker.connect(target, options));
}

/**
 * In that folder every module that may be looked for has a file, which says so in the file `ran`.
 */
function shadows(home: string, python: string): string[] {
  mkdirSync(home, { recursive: true });
  const ran = JSON.stringify(join(home, "ran"));
  const shadow = `open(${ran}, "a").write(__name__ + " ")\nraise SystemExit("shadowed")\n`;
  const names = [...new Set([...importedModules(), ...ownModules(python)])];
  for (const name of [...names, "only_here"]) writeFileSync(join(home, `${name}.py`), shadow);
  return names;
}

/** A wrapper that starts it in that folder, with more of the environment. */
function startIn(home: string, python: string, environment = ""): string {
  const path = join(mkdtempSync(join(folder, "start-")), "python");
  return writeScript(path, `cd '${home}' && ${environment} exec '${python}' "$@"`);
}

for (const { path, label, version } of sample(pythons())) {
  describe(label, () => {
    const home = join(folder, version.join("."));

    test("no file of the current folder is run", async () => {
      expect(shadows(home, path)).toEqual(expect.arrayContaining(["struct", "encodings"]));
      await using({ python: startIn(home, path) }, async (context) => {
        expect(await context.call("os.getcwd")).toBe(home);
        const values = [new Set([1]), 2n ** 70n];
        expect(await context.call("copy.copy", values)).toEqual(values);
        expect(await context.exec(["echo", "fine"]).stdout.text()).toBe("fine\n");
        expect(await failureOf(context.call("tasks.errors.refuse", "it"))).toBeInstanceOf(
          CallError,
        );
        await context.call("tasks.output.log_levels");
        const own = Object.keys(PYTHON_TIER2).map((name) => `econtext.${name}`);
        const left = await context.call("tasks.minimal.missing", [...own, "only_here"]);
        // Python 2.7 has no multiprocessing.spawn: it reads that module, and finds no use for it.
        const useless = version[0] === 2 ? ["econtext.spawned"] : ["econtext.importer_27"];
        expect(left).toEqual(expect.arrayContaining(["only_here"]));
        expect([...useless, "only_here"]).toEqual(expect.arrayContaining(left as string[]));
      });
      expect(readdirSync(home)).not.toContain("ran");
    });

    test("nor one of the folder in which an interpreter on PATH is found", async () => {
      const there = join(folder, `found-${version.join(".")}`);
      shadows(there, path);
      const bin = mkdtempSync(join(folder, "bin-"));
      symlinkSync("/bin/sh", join(bin, "sh"));
      symlinkSync(startIn(there, path), join(bin, "python3"));
      const { PATH } = process.env;
      process.env["PATH"] = bin;
      try {
        for (const options of [{ kind: "python" }, {}] as const) {
          await using(options, async (context) => {
            // It says nothing of the language: the first stage takes what it finds.
            await context.ping();
            expect(await context.call("os.getcwd")).toBe(there);
          });
        }
      } finally {
        process.env["PATH"] = PATH;
      }
      expect(readdirSync(there)).not.toContain("ran");
    });

    test("what keeps it out is not seen there, and what the account had set is", async () => {
      for (const [environment, theirs] of [
        ["", null],
        ["PYTHONSAFEPATH=yes", "yes"],
      ] as const) {
        // By a shell of the account's, as sshd starts it.
        const program = writeScript(
          join(mkdtempSync(join(folder, "ssh-")), "ssh"),
          `for last; do :; done\n${environment} exec sh -c "$last"`,
        );
        const ssh = { program };
        await using(
          { python: path, ssh },
          async (context) => {
            expect(await context.call("os.getenv", "PYTHONSAFEPATH")).toBe(theirs);
            const child = context.exec(["env"]);
            const said = (await child.stdout.text()).match(/^PYTHONSAFEPATH=.*$/m);
            expect(said?.[0] ?? "").toBe(environment);
          },
          "host",
        );
      }
    });

    test.if(version[0] === 3)("a virtualenv answers for itself", async () => {
      const environment = join(folder, `env-${version.join(".")}`);
      const made = Bun.spawnSync([path, "-m", "venv", "--without-pip", environment]);
      expect(made.stderr.toString()).toBe("");
      const python = join(environment, "bin/python");
      const code = "import sysconfig; print(sysconfig.get_path('purelib'))";
      const library = Bun.spawnSync([python, "-c", code]).stdout.toString().trim();
      expect(library).toStartWith(environment);
      writeFileSync(join(library, "only_there.py"), "def name():\n    return __name__\n");
      await using({ python }, async (context) => {
        expect(await context.call("sysconfig.get_path", "purelib")).toBe(library);
      });
      await using({ python }, async (context) => {
        expect(await context.call("eval", "__import__('sys').prefix")).toBe(environment);
        expect(await context.call("site.getsitepackages")).toContain(library);
        expect(await context.call("only_there.name")).toBe("only_there");
      });
    });

    test("site that was imported before gives its paths all the same", async () => {
      await using({ python: path }, async (context) => {
        await context.call("site.__name__.upper");
        await context.call("tasks.minimal.missing", ["nowhere_at_all"]);
        const found = (await context.call("eval", "__import__('sys').path")) as string[];
        expect(found.some((one) => /site-packages|dist-packages/.test(one))).toBe(true);
      });
    });
  });
}

suite("the home folder, over ssh", missingSshd(), "sshd", () => {
  let server: SshServer;
  const there = join(folder, "over-ssh");
  beforeAll(async () => {
    const shell = join(folder, "login-shell");
    mkdirSync(there);
    writeScript(shell, `cd '${there}'\nexec /bin/sh "$@"`);
    server = await startSshd({ loginShell: shell });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  for (const { path, label } of sample(pythons())) {
    test(label, async () => {
      shadows(there, path);
      const ssh = { options: ["-F", server.configPath] };
      const work = async (context: Context): Promise<void> => {
        expect(await context.call("os.getcwd")).toBe(there);
      };
      await using({ python: path, ssh }, work, server.host);
      expect(readdirSync(there)).not.toContain("ran");
    });
  }
});
