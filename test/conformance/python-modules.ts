/**
 * What only Python's modules have: namespace packages, source that a program can ask for, specs,
 * encodings of files, implicit siblings, and requests by which a package's folder might be left. (A
 * JavaScript far side asks by specifiers: javascript-modules.ts.)
 */
import { expect } from "bun:test";
import type { CallError } from "../../src/index.ts";
import { FAR_FOLDER, isPython3, pythonFile } from "./python.ts";
import { type Far, failureOf, requestsOf, type Session } from "./session.ts";

export function pythonModules(far: Far): void {
  const { everyVersion } = far;
  const python3 = isPython3(far.version);
  const inFresh = async (work: (session: Session) => Promise<unknown>): Promise<string[]> => {
    await using session = await far.connect();
    return await requestsOf(() => work(session));
  };

  everyVersion("what the far side has wins over a root's module of that name", async () => {
    const requests = await inFresh(async ({ context }) => {
      expect(await context.call("colorsys.rgb_to_hsv", 7, 7, 7)).toEqual([0, 0, 7]);
    });
    expect(requests).toEqual([]);
  });

  everyVersion("getting ready for a module that the far side has loads no site", async () => {
    await using session = await far.connect();
    const { context } = session;
    const hasSite = () => context.call("sys.modules.__contains__", "site");
    const before = await hasSite();
    expect(await context.call("colorsys.rgb_to_hsv", 7, 7, 7)).toEqual([0, 0, 7]);
    expect(await hasSite()).toBe(before);
    expect(await session.call("imports.late.load", "imports.late_1")).toEqual([1]);
    expect(await hasSite()).toBe(true);
  });

  everyVersion("a namespace package over two roots", async () => {
    const requests = await inFresh(async ({ context }) => {
      expect(await context.call("spread.beta.name")).toBe("beta after alpha");
      expect(await context.call("spread.alpha:name")).toBe("alpha");
    });
    expect(requests).toEqual([]);
  });

  everyVersion.if(python3)("a namespace package with a portion on the far side", async () => {
    await using session = await far.connect();
    await session.context.call("sys.path.append", FAR_FOLDER);
    expect(await session.context.call("spread.gamma.name")).toBe("gamma, of the far side");
    expect(await session.context.call("spread.alpha.name")).toBe("alpha");
    expect(await session.context.call("spread.beta.name")).toBe("beta after alpha");
  });

  everyVersion("a module knows its file, and inspect and linecache its source", async () => {
    const file = `/econtext-master${pythonFile("imports/where.py")}`;
    const doc = "The module's own words.";
    expect(await far.call("imports.where.whereabouts")).toEqual([file, "imports.where", doc, file]);
    expect(await far.call("imports.where.source")).toStartWith("def whereabouts():\n    return [");
    const ofClass = await far.call("imports.where.source_of_class");
    expect(ofClass).toBe("class Thing(object):\n    def method(self):\n        return 1\n");
    const trace = await far.call("imports.where.line_of_failure");
    expect(trace).toContain(`File "${file}", line 25, in fail\n    raise ValueError("here")\n`);
  });

  everyVersion.if(python3)("a module's spec is that of any module", async () => {
    const file = `/econtext-master${pythonFile("imports/where.py")}`;
    const spec = (await far.call("imports.where.spec")) as unknown[];
    expect(spec.slice(0, 4)).toEqual(["imports.where", file, "imports", true]);
  });

  everyVersion("source in latin-1", async () => {
    const error = (await failureOf(far.call("imports.latin.fail"))) as CallError;
    expect(error.remoteMessage).toBe("caf\u00e9");
    expect(error.traceback).toContain(
      'imports/latin.py", line 7, in fail\n    raise ValueError(TEXT)',
    );
  });

  everyVersion.if(!python3)("Python 2: a sibling comes before what is at the top", async () => {
    expect(await far.call("imports.implicit.name")).toBe("imports.implicit_sibling");
  });

  everyVersion("raw requests for what is outside the roots get nothing", async () => {
    const sent = pythonFile("imports/bundle");
    await far.call("imports.bundle:by_pkgutil", "greeting.txt");
    for (const name of [
      "..tasks",
      "/etc/passwd",
      "tasks/errors",
      "tasks..errors",
      "a\0b",
      "tasks.",
      ".",
      "*",
    ]) {
      expect(await far.call("tasks.raw.request", name)).toEqual([[name]]);
    }
    for (const path of [
      "../where.py",
      "../../../../package.json",
      `${sent}/greeting.txt`,
      "/etc/passwd",
      "more/../../where.py",
      "greeting.txt\0.py",
      "../",
      "nothing",
      "more",
      "greeting.txt/",
    ]) {
      expect([path, await far.call("tasks.raw.request", ["imports.bundle", path])]).toEqual([
        path,
        null,
      ]);
    }
    for (const name of [
      "spread",
      "tasks.raw",
      "os",
      "",
      "econtext",
      "econtext.importer",
      "thirty",
    ]) {
      expect(await far.call("tasks.raw.request", [name, "data.txt"])).toBeNull();
    }
  });
}
