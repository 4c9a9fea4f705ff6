/**
 * What only JavaScript's modules have: two module systems, cycles with live bindings, top-level
 * await, `import.meta`, exports maps, JSON, specifiers made at run time, native addons. (Python's
 * have tables of their own: python-modules.ts, resources.ts.)
 */
import { expect } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { CallError } from "../../src/index.ts";
import { javascriptFile } from "./javascript.ts";
import { type Far, failureOf, requestsOf, type Session } from "./session.ts";

export function javascriptModules(far: Far): void {
  const { everyVersion } = far;
  const inFresh = async (work: (session: Session) => Promise<unknown>): Promise<string[]> => {
    await using session = await far.connect();
    return await requestsOf(() => work(session));
  };

  everyVersion("top-level await, in a module and in what it imports", async () => {
    expect(await far.call("imports.awaiting.result")).toEqual([42, ["before", "after", "user"]]);
  });

  everyVersion("bindings are live, also those that are re-exported", async () => {
    expect(await far.call("imports.live.counted")).toEqual([0, 1, 1, 1]);
  });

  everyVersion("every format can be imported, and comes with the call", async () => {
    const requests = await inFresh(async (session) => {
      expect(await session.call("imports.formats.all")).toEqual([
        "json",
        "plain of json",
        "named",
        "script",
        "sibling",
        "leaf of sibling",
        "function",
      ]);
    });
    expect(requests).toEqual([]);
  });

  everyVersion("CommonJS modules in a circle see what there is so far", async () => {
    expect(await far.call("imports.circle_a.seen")).toEqual([["early a", true], "late a"]);
  });

  everyVersion("packages: ESM, CommonJS, an exports map, and what it keeps to itself", async () => {
    const requests = await inFresh(async (session) => {
      const kinds = ["esm", "cjs", "inner", "import", "require", "one"];
      expect(await session.call("imports.packages.kinds")).toEqual(kinds);
    });
    expect(requests).toEqual([]);
    expect(await far.call("imports.packages.forbidden")).toMatch(
      /^ERR_(?:PACKAGE_PATH_NOT_EXPORTED|MODULE_NOT_FOUND)$/,
    );
  });

  everyVersion("a module knows its file, and is never the main one", async () => {
    const file = javascriptFile("imports/where.ts");
    const folder = dirname(file);
    expect(await far.call("imports.where:whereabouts")).toEqual([file, file, folder, false]);
    const { context } = far.session();
    const script = javascriptFile("imports/where.cjs");
    expect(await context.call(`${script}:whereabouts`)).toEqual([
      script,
      folder,
      "where.cjs",
      false,
    ]);
    expect(await context.call(`${script}:isSloppy`)).toBe(true);
  });

  everyVersion("a stack that user code reads names its module by its path", async () => {
    const trace = (await far.call("imports.where:line_of_failure")) as string;
    expect(trace).toContain(`${javascriptFile("imports/where.ts")}:24:`);
    expect(trace).not.toContain("master:");
  });

  everyVersion("require at run time blocks and fetches, once", async () => {
    const names = ["./later_1.cjs", "./later_2.cjs", "./later_3.cjs"];
    const parent = javascriptFile("imports/late.ts");
    const requests = await inFresh(async (session) => {
      expect(await session.call("imports.late.demand", ...names)).toEqual([1, 2, 3]);
      expect(await session.call("imports.late.demand", ...names)).toEqual([1, 2, 3]);
    });
    expect(requests).toEqual(names.map((name) => `${parent}:${name}:require`));
  });

  everyVersion("what is missing is told with who wanted it", async () => {
    for (const name of ["nowhere-at-all", "./nothing.ts"]) {
      const [isError, code, message] = (await far.call("imports.late.why_not", name)) as unknown[];
      expect([isError, code]).toEqual([true, "ERR_MODULE_NOT_FOUND"]);
      expect(message).toContain(name);
      expect(message).toContain(javascriptFile("imports/late.ts"));
    }
    const error = (await failureOf(far.call("imports.absent.value"))) as CallError;
    expect(error.remoteMessage).toContain("no_such_file.ts");
    expect(error.remoteMessage).toContain(javascriptFile("imports/absent.ts"));
  });

  everyVersion("a native addon is refused, by name", async () => {
    const error = (await failureOf(far.call("imports.native.load"))) as CallError;
    expect(error.remoteMessage).toContain("addon.node");
    expect(error.remoteMessage).toContain("native");
  });

  everyVersion("nothing outside of the roots is served, whatever leads there", async () => {
    const error = (await failureOf(far.call("imports.outside.reach"))) as CallError;
    expect(error.remoteMessage).toContain("outside/secret.ts");
    for (const specifier of [
      "../../outside/secret.ts",
      "../../../../../../../../../../etc/passwd",
      "../../../../../package.json",
      "a\0b",
      "..",
      "",
    ]) {
      const answer = await far.call("imports.late.why_not", specifier);
      expect([specifier, (answer as unknown[])[0]]).toEqual([specifier, true]);
      expect(String(answer)).not.toContain("root:");
    }
  });

  everyVersion(
    "a whole path that the master does not serve is a file of the far side's own",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "econtext-far-"));
      try {
        writeFileSync(join(folder, "a.cjs"), "exports.VALUE = 1;");
        writeFileSync(join(folder, "a.json"), '{ "VALUE": 2 }');
        writeFileSync(join(folder, "a.mjs"), "export const VALUE = 3;");
        const at = (name: string): string => join(folder, name);
        const requests = await requestsOf(async () => {
          expect(await far.call("imports.late.demand", at("a.cjs"), at("a.json"))).toEqual([1, 2]);
          const url = pathToFileURL(at("a.cjs")).href;
          expect(await far.call("imports.late.load", at("a.mjs"), url)).toEqual([3, 1]);
        });
        // The master is asked, and has nothing.
        expect(requests).toHaveLength(4);
        const absent = at("none.cjs");
        const [, code, message] = (await far.call("imports.late.why_not", absent)) as unknown[];
        expect(code).toBe("ERR_MODULE_NOT_FOUND");
        expect(message).toContain(absent);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  everyVersion("using and await using, everywhere they may stand", async () => {
    await using session = await far.connect();
    const { context } = session;
    const call = (name: string): Promise<unknown> => session.call(`tasks.using.${name}`);
    expect(await call("of_module")).toEqual(["module", "object", "off static", "off top"]);
    const inner = ["object", "object", "object", "off inner", null, "off a", "object", "off b"];
    expect(await call("in_blocks")).toEqual(inner);
    // What a function itself held was put away when it returned.
    const loops = ["off second", "off first", "object", "off one", "object", "off two", "off held"];
    expect(await call("in_loops")).toEqual(loops);
    const ends = ["object", "object", "object", "off three", "off two", "later one"];
    expect(await call("waiting")).toEqual([...ends, "object", "later x", "object", "later y"]);
    const errors = ["SuppressedError", "of first", "of second", "of the body", "TypeError"];
    expect(await call("failing")).toEqual([
      "object",
      "object",
      "off second",
      "off first",
      ...errors,
    ]);
    expect(await call("left")).toEqual(["object", "off generator"]);
    const error = (await failureOf(call("located"))) as CallError;
    expect(error.traceback).toMatch(/tasks\/using\.ts:113:[4-6]\d\b/);
    const inline = context.call((name: string) => {
      const told: string[] = [];
      {
        using held = { [Symbol.dispose]: () => void told.push(`off ${name}`) };
        told.push(typeof held);
      }
      return told;
    }, "inline");
    expect(await inline).toEqual(["object", "off inline"]);
  });
}
