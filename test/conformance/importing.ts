/** What the far side imports from here, and what it never asks for. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CallError } from "../../src/index.ts";
import { FAR_FOLDER, type Far, failureOf, ROOTS, requestsOf, type Session } from "./session.ts";

const MODULES = 30;

export function importing(far: Far): void {
  let root = "";
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "econtext-package-"));
    writeThirty(root);
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  const inFresh = async (work: (session: Session) => Promise<unknown>): Promise<string[]> => {
    await using session = await far.connect({ roots: [...ROOTS, root] });
    return await requestsOf(() => work(session));
  };

  test("a package of thirty modules comes with the call: nothing is asked for", async () => {
    const requests = await inFresh(async ({ context }) => {
      expect(await context.call("thirty.count")).toBe((MODULES * (MODULES - 1)) / 2);
      expect(await context.call("thirty.sub.mod7:value")).toBe(7);
      expect(await context.call("copy.copy", 1)).toBe(1);
    });
    expect(requests).toEqual([]);
  });

  test("functions of the standard library need none of our modules", async () => {
    const requests = await inFresh(async ({ context }) => {
      expect(await context.call("os.path.basename", "/a/b")).toBe("b");
      expect(await context.call("json.loads", "[1]")).toEqual([1]);
    });
    // Python 2 has finders of its own behind all others: every import is shown to the importer first.
    expect(requests).toEqual(far.python3 ? [] : ["econtext.importer"]);
  });

  test("names made at run time cost one request each, what does not exist none", async () => {
    const names = ["imports.late_1", "imports.late_2", "imports.late_3"];
    const requests = await inFresh(async ({ context }) => {
      expect(await context.call("imports.late.load", ...names)).toEqual([1, 2, 3]);
      const missing = [
        "nowhere_at_all",
        "imports.nothing",
        "imports.late_1.x",
        "nowhere.x",
        "os.x",
      ];
      expect(await context.call("imports.late.try_load", ...missing)).toEqual([]);
      expect(await context.call("imports.late.load", ...names)).toEqual([1, 2, 3]);
    });
    expect(requests).toEqual(names);
  });

  test("what may be missing is missed without asking", async () => {
    const requests = await inFresh(async ({ context }) => {
      const outcome = (await context.call("imports.optional.missing")) as string[];
      expect(outcome).toEqual([
        far.version >= "3" ? "ModuleNotFoundError" : "ImportError",
        "none",
        "none",
      ]);
    });
    expect(requests).toEqual([]);
  });

  test("relative and cyclic imports", async () => {
    const names = ["sibling", "leaf of sibling", "sibling", "imports"];
    expect(await far.call("imports.relative.names")).toEqual(names);
    expect(await far.call("imports.cyclic_a.both")).toEqual(["a", "b of a"]);
  });

  test("a namespace package over two roots", async () => {
    const requests = await inFresh(async ({ context }) => {
      expect(await context.call("spread.beta.name")).toBe("beta after alpha");
      expect(await context.call("spread.alpha:name")).toBe("alpha");
    });
    expect(requests).toEqual([]);
  });

  test.if(far.python3)("a namespace package with a portion on the far side", async () => {
    await using session = await far.connect();
    await session.context.call("sys.path.append", FAR_FOLDER);
    expect(await session.context.call("spread.gamma.name")).toBe("gamma, of the far side");
    expect(await session.context.call("spread.alpha.name")).toBe("alpha");
    expect(await session.context.call("spread.beta.name")).toBe("beta after alpha");
  });

  test("what the far side has wins over what the roots have", async () => {
    const requests = await inFresh(async ({ context }) => {
      expect(await context.call("imports.shadow.hue")).toEqual([0, 0, 7]);
      expect(await context.call("colorsys.rgb_to_hsv", 7, 7, 7)).toEqual([0, 0, 7]);
    });
    expect(requests).toEqual([]);
  });

  test("a module knows its file, and inspect and linecache its source", async () => {
    const file = `master:${join(ROOTS[0] ?? "", "imports/where.py")}`;
    const doc = "The module's own words.";
    expect(await far.call("imports.where.whereabouts")).toEqual([file, "imports.where", doc, file]);
    expect(await far.call("imports.where.source")).toStartWith("def whereabouts():\n    return [");
    const ofClass = await far.call("imports.where.source_of_class");
    expect(ofClass).toBe("class Thing(object):\n    def method(self):\n        return 1\n");
    const trace = await far.call("imports.where.line_of_failure");
    expect(trace).toContain(`File "${file}", line 25, in fail\n    raise ValueError("here")\n`);
  });

  test.if(far.python3)("a module's spec is that of any module", async () => {
    const file = `master:${join(ROOTS[0] ?? "", "imports/where.py")}`;
    const spec = (await far.call("imports.where.spec")) as unknown[];
    expect(spec.slice(0, 4)).toEqual(["imports.where", file, "imports", true]);
  });

  test("source in latin-1, and with a byte order mark", async () => {
    expect(await far.call("imports.bom.text")).toBe("caf\u00e9");
    const error = (await failureOf(far.call("imports.latin.fail"))) as CallError;
    expect(error.remoteMessage).toBe("caf\u00e9");
    expect(error.traceback).toContain(
      'imports/latin.py", line 7, in fail\n    raise ValueError(TEXT)',
    );
  });

  test("a syntax error names the file and the line", async () => {
    for (let again = 0; again < 2; again++) {
      const error = (await failureOf(far.call("imports.broken.broken"))) as CallError;
      expect(error).toBeInstanceOf(CallError);
      expect(error.type).toBe("SyntaxError");
      const file = join(ROOTS[0] ?? "", "imports/broken.py");
      expect(error.traceback).toContain(`File "${file}", line 4`);
      expect(error.traceback).toContain("def broken(:");
    }
  });

  test("a module that fails while it is imported can be imported later", async () => {
    await using session = await far.connect();
    const { context } = session;
    for (let again = 0; again < 2; again++) {
      const error = (await failureOf(context.call("imports.flaky.value"))) as CallError;
      expect([error.type, error.remoteMessage]).toEqual(["RuntimeError", "not yet"]);
      expect(error.traceback).toContain('imports/flaky.py", line 5');
    }
    await context.call("tasks.state.set_environment", "FLAKY", "no");
    expect(await context.call("imports.flaky.value")).toBe("at last");
  });

  test.if(!far.python3)("Python 2: a sibling comes before what is at the top", async () => {
    expect(await far.call("imports.implicit.name")).toBe("imports.implicit_sibling");
  });

  test("a second root is searched after the first", async () => {
    expect(await far.call("imports.late.load", "elsewhere")).toEqual(["second"]);
  });

  test("raw requests for what is outside the roots get nothing", async () => {
    const sent = join(ROOTS[0] ?? "", "imports/bundle");
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

/** A package whose modules import one another in a chain, half of them in a subpackage. */
function writeThirty(root: string): void {
  mkdirSync(join(root, "thirty/sub"), { recursive: true });
  const place = (i: number): string => (i % 2 === 0 ? `mod${i}` : `sub.mod${i}`);
  const file = (name: string): string => join(root, "thirty", `${name.replaceAll(".", "/")}.py`);
  for (let i = 0; i < MODULES; i++) {
    const next =
      i + 1 < MODULES ? `from thirty.${place(i + 1)} import total as rest\n` : "rest = 0\n";
    writeFileSync(
      file(place(i)),
      `${next}total = ${i} + rest\n\n\ndef value():\n    return ${i}\n`,
    );
  }
  writeFileSync(join(root, "thirty/sub/__init__.py"), "");
  const count = "from thirty.mod0 import total\n\n\ndef count():\n    return total\n";
  writeFileSync(join(root, "thirty/__init__.py"), count);
}
