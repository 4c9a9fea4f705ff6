/**
 * Packages that only this machine has behave in a context as if they were installed: each probe of
 * test/fixtures/javascript/packages gives what it gives when the same interpreter runs it directly.
 * The far side does not see the packages' folder: it is hidden by an empty one.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { Broker, type CallError, type ConnectOptions, type Context } from "../../src/index.ts";
import { missingHiding, writeHidingSsh } from "../helpers/hidden.ts";
import { bun, nodeOf, nodeVersions } from "../helpers/javascripts.ts";
import { sample } from "../helpers/sample.ts";
import { suite } from "../helpers/skip.ts";
import { eventually, failureOf, requestsOf } from "./session.ts";

const FOLDER = join(import.meta.dir, "../fixtures/javascript/packages");
const MAIN = join(FOLDER, "main.ts");

const KINDS = [
  ...sample(nodeVersions()).map((version) => ({ kind: "node" as const, ...nodeOf(version) })),
  { kind: "bun" as const, ...bun() },
];

for (const { kind, path, missing } of KINDS) {
  suite(`installed, ${kind} ${path}`, missing ?? missingHiding(), kind, () => {
    const far = async (
      work: (context: Context) => Promise<void>,
      options: ConnectOptions = {},
    ): Promise<void> => {
      await using hiding = writeHidingSsh(dirname(FOLDER));
      await using broker = new Broker({ roots: [FOLDER] });
      const ssh = { program: hiding.path };
      await work(await broker.connect("far", { kind, [kind]: path, ssh, ...options }));
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

    test("a Worker and a child process of a package say what they need", () =>
      far(async (context) => {
        for (const [name, file] of [
          ["start", "worker.js"],
          ["startChild", "child.js"],
        ]) {
          const error = (await failureOf(context.call(`${MAIN}:${name}`))) as CallError;
          expect(error.remoteMessage).toContain(join(FOLDER, "node_modules/starter", file ?? ""));
          expect(error.remoteMessage).toContain("--unpack starter");
        }
      }));

    test("unpacked, they run; the folder is removed with the context, however it ends", async () => {
      const into = mkdtempSync(join(tmpdir(), "econtext-unpacked-"));
      try {
        const unpacked = { unpack: ["starter"], unpackInto: into };
        await far(async (context) => {
          expect(await context.call(`${MAIN}:start`)).toEqual(["worker leaf", "child leaf"]);
          const [name = ""] = readdirSync(into);
          expect(statSync(join(into, name)).mode & 0o777).toBe(0o700);
          const place = join(into, name, FOLDER, "node_modules/starter");
          const file = join(place, "esm.mjs");
          const told = [place, join(place, "index.js"), pathToFileURL(file).href, "esm"];
          expect(await context.call(`${MAIN}:places`)).toEqual(told);
        }, unpacked);
        expect(await eventually(() => readdirSync(into).length === 0)).toBe(true);
        await far(async (context) => {
          expect(await context.call(`${MAIN}:startChild`)).toBe("child leaf");
          await failureOf(context.call(`${MAIN}:end`));
          expect(await eventually(() => readdirSync(into).length === 0)).toBe(true);
        }, unpacked);
      } finally {
        rmSync(into, { recursive: true });
      }
    });

    test("unpacked into memory, unless a folder is named", () =>
      far(
        async (context) => {
          expect(await context.call(`${MAIN}:startChild`)).toBe("child leaf");
          const [folder] = (await context.call(`${MAIN}:places`)) as string[];
          expect(folder).toMatch(/^(?:\/dev\/shm|\/run)\/.*econtext-[0-9a-f]{16}\//);
        },
        { unpack: ["starter"] },
      ));
  });
}

/** What a direct run in the package's folder gives. */
async function run(interpreter: string, expression: string): Promise<string> {
  const script = `${expression}.then((text) => process.stdout.write(text))`;
  const cwd = join(FOLDER, "node_modules/probe");
  const child = Bun.spawn([interpreter, "-e", script], { cwd, stdout: "pipe", stderr: "inherit" });
  return await new Response(child.stdout).text();
}
