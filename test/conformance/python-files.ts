/**
 * Forwarded Python packages behave as installed ones do: files beside their modules, their paths,
 * their distributions. JavaScript's packages are rows of their own.
 */
import { expect } from "bun:test";
import { isPython3 } from "./python.ts";
import { type Far, requestsOf } from "./session.ts";

export function pythonFiles(far: Far): void {
  const { test, everyVersion } = far;
  const python3 = isPython3(far.version);
  const since = (minor: number): boolean =>
    python3 && Number(far.version.slice("3.".length)) >= minor;

  everyVersion("files beside a module are read where it looks for them", async () => {
    const read = ["hi\n", "x\ny\n", "x\r\ny\n", true, "hi\n", "y\n"];
    expect(await far.call("beside.read")).toEqual(read);
  });

  everyVersion("they are there for any code that looks", async () => {
    expect(await far.call("beside.looked")).toEqual([
      [true, true, true, false, false, false],
      [true, true, false, false],
      [3, true, true],
      [true, false, false],
    ]);
  });

  everyVersion("their folders are listed and walked", async () => {
    expect(await far.call("beside.listed")).toEqual([
      ["b.txt"],
      [
        ["plugins", ["__init__.py", "one.py", "two.py"]],
        ["plugins/inner", ["__init__.py", "three.py"]],
      ],
      ["b.txt"],
    ]);
  });

  everyVersion.if(python3)("by pathlib", async () => {
    expect(await far.call("beside.by_pathlib")).toEqual([
      ["hi\n", "hi\n", "x\ny\n"],
      [true, true, false, true, 3],
      ["b.txt"],
      ["a.txt", "b.txt"],
    ]);
  });

  everyVersion("what cannot be had fails as it does on a disk that is read-only", async () => {
    const names = python3
      ? ["FileNotFoundError", "IsADirectoryError", "OSError", "FileNotFoundError"]
      : ["IOError", "IOError", "IOError", "IOError"];
    const [none, folder, written, outside] = names;
    expect(await far.call("beside.refused")).toEqual([
      [none, 2],
      [folder, 21],
      [written, 30],
      // Of a package that was not sent, and of no package.
      [outside, 2],
      [outside, 2],
    ]);
  });

  test("they can be copied to this disk", async () => {
    const first = python3 ? "x\n" : "x\r\n";
    expect(await far.call("beside.copied")).toEqual([first, "hi\n"]);
  });

  everyVersion.if(since(8))("they have descriptors", async () => {
    expect(await far.call("beside.mapped")).toEqual(["hi\n", "hi"]);
  });

  everyVersion.if(since(8))("an open that fails leaves no descriptor behind", async () => {
    expect(await far.call("beside.misused")).toEqual(["ValueError", "LookupError", true]);
  });

  test("files of the machine itself are as ever", async () => {
    expect(await far.call("beside.elsewhere")).toEqual([true, true, false, true]);
  });

  test("a fork reads what was read before, and is told of what it cannot ask for", async () => {
    await using session = await far.connect();
    expect(await session.context.call("beside.in_fork")).toBe(
      "hi\na forked process cannot ask for this file; read it before the fork",
    );
  });

  everyVersion("linecache has the lines of a module by its file, without a request", async () => {
    const requests = await requestsOf(async () => {
      const [first] = (await far.call("beside.lines")) as string[];
      expect(first).toStartWith('"""A package whose code reads the files beside it');
    });
    expect(requests.filter((name) => name.startsWith(":"))).toEqual([]);
  });

  test("a folder is asked for once, whatever is looked for in it", async () => {
    await using session = await far.connect();
    await session.context.call("beside.absolute");
    const requests = await requestsOf(() => session.context.call("beside.looked"));
    const asked = requests.filter((name) => name.startsWith(":"));
    expect(asked.length).toBe(new Set(asked).size);
    expect(await requestsOf(() => session.context.call("beside.looked"))).toEqual([]);
  });

  everyVersion("plugins are found by pkgutil.walk_packages", async () => {
    const names = ["inner", "inner.three", "one", "two"].map((name) => `beside.plugins.${name}`);
    const found = (await far.call("beside.plugin_names")) as unknown[];
    expect(found).toEqual([names, ["one", "two"]]);
  });

  everyVersion.if(python3)(
    "plugins in a namespace package, which nothing has imported",
    async () => {
      const before = [["__init__.py"]];
      const found = await far.call("beside.offered");
      expect(found).toEqual([before, [["offers.first", true]], ["offered\n"]]);
    },
  );

  everyVersion("modules under other names, and in folders that were added", async () => {
    expect(await far.call("beside.other_names")).toEqual([
      "beside_alias.two",
      "two",
      "vended",
      "vended",
      "beside.vended",
      false,
    ]);
  });

  everyVersion("paths of modules and of code are absolute", async () => {
    expect(await far.call("beside.absolute")).toEqual([true, true, true]);
  });

  everyVersion.if(python3)(
    "a compiled extension is refused by name, as an ImportError",
    async () => {
      const [kind, text, ...unseen] = (await far.call("beside.compiled")) as unknown[];
      expect(text).toContain("beside._only is a compiled extension, which cannot be forwarded: ");
      expect(text).toContain("/beside/_only.abi3.so");
      expect([kind, ...unseen]).toEqual(["pure", true, true]);
    },
  );

  everyVersion.if(since(8))("a distribution tells its version and its entry points", async () => {
    expect(await far.call("beside.distribution")).toEqual(["2.5", ["one"], "beside"]);
  });

  everyVersion("source in an encoding that only Python knows", async () => {
    expect(await far.call("imports.koi8.letter")).toBe("я");
    expect(await far.call("imports.kana.kana")).toBe("ソ");
  });
}
