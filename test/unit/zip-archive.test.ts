/** Zip files as roots: what Python's zipimport accepts, read here. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { strToU8, zipSync } from "fflate";
import { PythonFiles } from "../../src/modules/python/files.ts";
import { PythonFinder } from "../../src/modules/python/finder.ts";

let dir = "";
beforeAll(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "econtext-zip-")));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const ENTRIES = {
  "pkg/__init__.py": strToU8("NAME = 'zipped'  # a comment\n"),
  "pkg/data/a.txt": strToU8("data"),
  "pkg/_fast.cpython-311-x86_64-linux-gnu.so": strToU8("\x7fELF"),
  "plain.py": strToU8("x = 1\n"),
  "spread/one.py": strToU8(""),
  "thing-1.0.dist-info/METADATA": strToU8("Name: thing\n"),
  "../outside.py": strToU8("x = 1\n"),
  "pkg/../../climb.py": strToU8("x = 1\n"),
};

function write(name: string, before = ""): string {
  const file = join(dir, name);
  writeFileSync(file, Buffer.concat([Buffer.from(before), zipSync(ENTRIES)]));
  return file;
}

for (const [what, before] of [
  ["a wheel", ""],
  ["a zipapp behind an interpreter's line", "#!/usr/bin/env python3\n"],
] as const) {
  test(what, () => {
    const file = write(`${before === "" ? "app.whl" : "app.pyz"}`, before);
    const finder = new PythonFinder([file]);
    expect(finder.top()).toEqual(["pkg", "plain", "spread"]);
    expect(finder.find("pkg")).toMatchObject({
      path: `${file}/pkg/__init__.py`,
      isPackage: true,
      children: ["_fast", "data"],
      source: "NAME = 'zipped'\n",
    });
    expect(finder.find("plain")?.source).toBe("x = 1\n");
    expect(finder.find("spread")?.folders).toEqual([`${file}/spread`]);
    expect(finder.find("pkg._fast")?.source).toContain("compiled extension");
    for (const name of ["outside", "climb", "pkg.nothing"])
      expect(finder.find(name)).toBeUndefined();
    const files = new PythonFiles(finder);
    const isSent = (path: string): boolean => path === `${file}/pkg/__init__.py`;
    expect(files.file(`${file}/pkg/data/a.txt`, isSent)).toEqual(strToU8("data"));
    expect(files.file(`${file}/pkg/data/a.txt`, () => false)).toBeUndefined();
    expect(files.file(`${file}/plain.py`, isSent)).toBeDefined();
    expect(files.folder(`${file}/pkg/data`, isSent)).toMatchObject([{ name: "a.txt", size: 4 }]);
    expect(files.folder(file, isSent)?.map(({ name }) => name)).toEqual([
      "pkg",
      "plain.py",
      "spread",
      "thing-1.0.dist-info",
    ]);
    expect(files.file(`${file}/thing-1.0.dist-info/METADATA`, isSent)).toBeDefined();
  });
}

test("an entry whose name has more slashes than needed is read", () => {
  const file = join(dir, "slashes.zip");
  writeFileSync(file, zipSync({ "/sub//one.py": strToU8("x = 1\n") }));
  expect(new PythonFinder([file]).find("sub.one")?.source).toBe("x = 1\n");
});

test("what is no zip file is no root", () => {
  const file = join(dir, "broken.whl");
  writeFileSync(file, "no zip file");
  expect(new PythonFinder([file]).top()).toEqual([]);
});

test("a file in a compression of another kind says so where it is imported", () => {
  const data = Buffer.from(zipSync({ "odd.py": strToU8("x = 1\n") }));
  const BZIP2 = 12;
  data.writeUInt16LE(BZIP2, 8);
  data.writeUInt16LE(BZIP2, data.indexOf("PK\x01\x02") + 10);
  const file = join(dir, "odd.zip");
  writeFileSync(file, data);
  const source = new PythonFinder([file]).find("odd")?.source;
  expect(source).toMatch(/^raise ImportError\("odd\.py in .*odd\.zip cannot be read: .*12/);
});
