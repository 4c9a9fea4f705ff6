/** What the far side imports from here, and what it never asks for. */
import { afterAll, beforeAll, expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CallError } from "../../src/index.ts";
import { type Far, failureOf, requestsOf, type Session } from "./session.ts";

const MODULES = 30;

export function importing(far: Far): void {
  const { test, everyVersion } = far;
  const words = far.modules;
  let root = "";
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "econtext-package-"));
    words.writePackage(root, MODULES);
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  const inFresh = async (work: (session: Session) => Promise<unknown>): Promise<string[]> => {
    await using session = await far.connect({ roots: [...far.roots, root] });
    return await requestsOf(() => work(session));
  };

  test("a package of thirty modules comes with the call: nothing is asked for", async () => {
    const requests = await inFresh(async (session) => {
      const { context } = session;
      const total = (MODULES * (MODULES - 1)) / 2;
      expect(await context.call(far.fn("thirty.count", root))).toBe(total);
      expect(await context.call(far.fn("thirty.sub.mod7:value", root))).toBe(7);
      expect(await session.call("copy", 1)).toBe(1);
    });
    expect(requests).toEqual([]);
  });

  everyVersion("functions of the standard library need none of our modules", async () => {
    const requests = await inFresh(async ({ context }) => {
      for (const [name, args, result] of words.own) {
        expect(await context.call(name, ...args)).toEqual(result);
      }
    });
    expect(requests).toEqual([...words.ownRequests]);
  });

  everyVersion(
    "names made at run time cost a request, unless they came along, however often they are imported",
    async () => {
      const { late, missing } = words;
      const requests = await inFresh(async (session) => {
        expect(await session.call("imports.late.load", ...late)).toEqual([1, 2, 3]);
        for (let again = 0; again < 2; again++) {
          expect(await session.call("imports.late.try_load", ...missing)).toEqual([]);
        }
        expect(await session.call("imports.late.load", ...late)).toEqual([1, 2, 3]);
      });
      expect(requests).toEqual([...words.lateRequests, ...words.missingRequests]);
    },
  );

  everyVersion("what may be missing is missed without asking", async () => {
    const requests = await inFresh(async (session) => {
      expect(await session.call("imports.optional.missing")).toEqual([...words.optional]);
    });
    expect(requests).toEqual([]);
  });

  everyVersion("relative and cyclic imports", async () => {
    const names = ["sibling", "leaf of sibling", "sibling", "imports"];
    expect(await far.call("imports.relative.names")).toEqual(names);
    expect(await far.call("imports.cyclic_a.both")).toEqual(["a", "b of a"]);
  });

  everyVersion("what the far side has wins over what the roots have", async () => {
    const requests = await inFresh(async (session) => {
      expect(await session.call("imports.shadow.hue")).toEqual(words.shadow);
    });
    expect(requests).toEqual([]);
  });

  everyVersion("source with a byte order mark", async () => {
    expect(await far.call("imports.bom.text")).toBe("caf\u00e9");
  });

  everyVersion("a syntax error names the file and the line", async () => {
    for (let again = 0; again < 2; again++) {
      const error = (await failureOf(far.call("imports.broken.broken"))) as CallError;
      expect(error).toBeInstanceOf(CallError);
      expect(error.type).toBe(words.syntaxError.type);
      for (const text of words.syntaxError.says) expect(error.traceback).toContain(text);
    }
  });

  everyVersion("a module that fails while it is imported can be imported later", async () => {
    await using session = await far.connect();
    for (let again = 0; again < 2; again++) {
      const error = (await failureOf(session.call("imports.flaky.value"))) as CallError;
      expect([error.type, error.remoteMessage]).toEqual([words.flaky.type, "not yet"]);
      expect(error.traceback).toContain(words.flaky.place);
    }
    await session.call("tasks.state.set_environment", "FLAKY", "no");
    expect(await session.call("imports.flaky.value")).toBe("at last");
  });

  test("a second root is searched after the first", async () => {
    expect(await far.call("imports.late.load", words.elsewhere)).toEqual(["second"]);
  });
}
