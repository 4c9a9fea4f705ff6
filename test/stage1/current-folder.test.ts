/**
 * What lies in the folder that an interpreter starts in (over ssh: the home folder) is none of the bootstrap's business: files that are
 * named as modules of the standard library are not run, and a virtualenv answers for itself from the first call on.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PYTHON_TIER2 } from "../../src/bootstrap/stage1.ts";
import { Broker, CallError, type Context } from "../../src/index.ts";
import { failureOf } from "../conformance/session.ts";
import { pythons } from "../helpers/pythons.ts";
import { sample } from "../helpers/sample.ts";
import { writeScript } from "../helpers/scripts.ts";

const STAGE1 = join(import.meta.dir, "../../stage1/python");
const ROOT = join(import.meta.dir, "../fixtures/python/root");
const folder = mkdtempSync(join(tmpdir(), "econtext-folder-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** All that the core and the second tier import, and what that imports in its turn. */
function importedModules(): string[] {
  const sources = readdirSync(STAGE1).map((file) => readFileSync(join(STAGE1, file), "utf8"));
  const direct = sources.flatMap((source) =>
    [...source.matchAll(/^ *(?:import|from) ([\w.]+(?:, ?\w+)*)/gm)].flatMap(([, names = ""]) =>
      names.split(/, ?/).map((name) => name.split(".")[0] ?? ""),
    ),
  );
  const indirect = ["site", "sitecustomize", "json", "re", "io", "posixpath", "warnings", "types"];
  return [...new Set([...direct, ...indirect])].filter((name) => name !== "econtext");
}

async function using(python: string, work: (context: Context) => Promise<void>): Promise<void> {
  await using broker = new Broker({ roots: [ROOT], onLog: () => {} });
  await work(await broker.connect("local", { kind: "python", python }));
}

for (const { path, label, version } of sample(pythons())) {
  describe(label, () => {
    const home = join(folder, version.join("."));

    test("no file of the current folder is run", async () => {
      mkdirSync(home);
      const ran = join(home, "ran");
      const shadow = `open(${JSON.stringify(ran)}, "a").write(__name__ + " ")\nraise SystemExit("shadowed")\n`;
      const names = importedModules();
      expect(names).toContain("struct");
      for (const name of [...names, "only_here"]) writeFileSync(join(home, `${name}.py`), shadow);
      const start = `cd '${home}' && exec '${path}' "$@"`;
      await using(
        writeScript(join(folder, `python-${version.join(".")}`), start),
        async (context) => {
          expect(await context.call("os.getcwd")).toBe(home);
          expect(await context.call("copy.copy", [new Set([1]), 2n ** 70n])).toEqual([
            new Set([1]),
            2n ** 70n,
          ]);
          expect(await context.exec(["echo", "fine"]).stdout.text()).toBe("fine\n");
          expect(await failureOf(context.call("tasks.errors.refuse", "it"))).toBeInstanceOf(
            CallError,
          );
          await context.call("tasks.output.log_levels");
          // Python 2.7 has no multiprocessing.spawn, nor the words of what stands for it.
          const tier = Object.keys(PYTHON_TIER2).filter((name) => name !== "spawned");
          const own = tier.map((name) => `econtext.${name}`);
          const left = await context.call("tasks.minimal.missing", [...own, "only_here"]);
          expect(left).toEqual(["only_here"]);
        },
      );
      expect(readdirSync(home)).not.toContain("ran");
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
      await using(python, async (context) => {
        expect(await context.call("sysconfig.get_path", "purelib")).toBe(library);
      });
      await using(python, async (context) => {
        expect(await context.call("eval", "__import__('sys').prefix")).toBe(environment);
        expect(await context.call("site.getsitepackages")).toContain(library);
        expect(await context.call("only_there.name")).toBe("only_there");
      });
    });

    test("site that was imported before gives its paths all the same", async () => {
      await using(path, async (context) => {
        await context.call("site.__name__.upper");
        await context.call("tasks.minimal.missing", ["nowhere_at_all"]);
        const found = (await context.call("eval", "__import__('sys').path")) as string[];
        expect(found.some((one) => /site-packages|dist-packages/.test(one))).toBe(true);
      });
    });
  });
}
