/**
 * Packages that only this machine has behave over there as if they were installed: each probe of test/fixtures/javascript/packages gives what
 * it gives when the same interpreter runs it directly. The far side does not see the packages' folder: it is hidden by an empty one.
 */
import { expect, test } from "bun:test";
import { dirname, join } from "node:path";
import { Broker, type Context } from "../../src/index.ts";
import { missingHiding, writeHidingSsh } from "../helpers/hidden.ts";
import { bun, nodeOf, nodeVersions } from "../helpers/javascripts.ts";
import { sample } from "../helpers/sample.ts";
import { suite } from "../helpers/skip.ts";
import { requestsOf } from "./session.ts";

const FOLDER = join(import.meta.dir, "../fixtures/javascript/packages");
const MAIN = join(FOLDER, "main.ts");

const KINDS = [
  ...sample(nodeVersions()).map((version) => ({ kind: "node" as const, ...nodeOf(version) })),
  { kind: "bun" as const, ...bun() },
];

for (const { kind, path, missing } of KINDS) {
  suite(`installed, ${kind} ${path}`, missing ?? missingHiding(), kind, () => {
    const far = async (work: (context: Context) => Promise<void>): Promise<void> => {
      await using hiding = writeHidingSsh(dirname(FOLDER));
      await using broker = new Broker({ roots: [FOLDER] });
      const ssh = { program: hiding.path };
      await work(await broker.connect("far", { kind, [kind]: path, ssh }));
    };

    test("files, descriptors, streams, createRequire and stack frames", () =>
      far(async (context) => {
        const direct = JSON.parse(await run(path, 'require("./index.js").all()'));
        const found = JSON.parse(String(await context.call(`${MAIN}:common`)));
        expect(found).toEqual(direct);
      }));

    test("ES modules: URLs, named imports, JSON", () =>
      far(async (context) => {
        const direct = JSON.parse(await run(path, 'import("./esm.mjs").then((m) => m.all())'));
        expect(JSON.parse(String(await context.call(`${MAIN}:esm`)))).toEqual(direct);
      }));

    test("a folder and a file are asked for once; what is written there is this machine's from then on", () =>
      far(async (context) => {
        const own = join(FOLDER, "node_modules/probe/data/text.txt");
        const requests = await requestsOf(async () => {
          for (let i = 0; i < 2; i++) {
            expect(await context.call(`${MAIN}:look`, own)).toEqual(["grün\nzwei\n", true]);
          }
        });
        expect(requests).toEqual([
          `${join(FOLDER, "node_modules/probe/data")}:folder`,
          `${own}:file`,
        ]);
        expect(await context.call(`${MAIN}:write`, own, "new")).toEqual(["new", true]);
      }));

    test("what is hidden or leads out of the roots is not shown", () =>
      far(async (context) => {
        for (const file of [".env", "node_modules/probe/data/out", "../outside/secret.ts"]) {
          const answer = await context.call(`${MAIN}:look`, join(FOLDER, file));
          expect([file, answer]).toEqual([file, ["ENOENT", false]]);
        }
      }));
  });
}

/** What a direct run in the package's folder gives. */
async function run(interpreter: string, expression: string): Promise<string> {
  const script = `${expression}.then((text) => process.stdout.write(text))`;
  const cwd = join(FOLDER, "node_modules/probe");
  const child = Bun.spawn([interpreter, "-e", script], { cwd, stdout: "pipe", stderr: "inherit" });
  return await new Response(child.stdout).text();
}
