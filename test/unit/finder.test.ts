/** What the finder finds in its roots, and that it finds nothing anywhere else. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PythonFiles } from "../../src/modules/python/files.ts";
import { PythonFinder } from "../../src/modules/python/finder.ts";

let dir = "";
/** Written below `dir`, each file with its own name as its text. */
const FILES = [
  "root/mod.py",
  "root/pkg/__init__.py",
  "root/pkg/inner.py",
  "root/pkg/deep/__init__.py",
  "root/pkg/data.txt",
  "root/pkg/folder/more.txt",
  "root/pkg/not-a-name.py",
  "root/pkg/binary.so",
  "root/spread/one.py",
  "root/spread/data.txt",
  "second/mod.py",
  "second/spread/two.py",
  "second/pkg/other.py",
  "outside/secret.py",
  "outside/pkg/__init__.py",
  "outside/secret.txt",
];

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "econtext-finder-"));
  for (const file of FILES) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), `NAME = ${JSON.stringify(file)}  # a comment\n`);
  }
  const link = (target: string, path: string): void =>
    symlinkSync(join(dir, target), join(dir, path));
  link("outside/secret.py", "root/linked.py");
  link("outside", "root/linked_folder");
  link("outside/pkg", "root/linked_package");
  link("outside/secret.txt", "root/pkg/linked.txt");
  link("outside", "root/pkg/linked_folder");
  link("root/mod.py", "root/within.py");
  link("second/mod.py", "root/other_root.py");
  link("root/pkg/inner.py", "root/pkg/inside.txt");
  link("root/mod.py", "root/pkg/beside.txt");
  link("root", "alias");
  symlinkSync("loop.py", join(dir, "root/loop.py"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const finder = (...roots: string[]): PythonFinder =>
  new PythonFinder(roots.map((root) => join(dir, root)));

const resource = (of: PythonFinder, name: string, path: string): Uint8Array | undefined => {
  const found = of.find(name);
  return found && new PythonFiles(of).resource(found, path);
};
const resources = (of: PythonFinder, name: string, path: string): string[] | undefined => {
  const found = of.find(name);
  return found && new PythonFiles(of).resources(found, path);
};

describe("modules", () => {
  test("a module, a package and what is in it", () => {
    const found = finder("root");
    expect(found.find("mod")).toEqual({
      module: "mod",
      path: join(dir, "root/mod.py"),
      isPackage: false,
      children: undefined,
      source: 'NAME = "root/mod.py"\n',
    });
    const children = ["binary", "deep", "folder", "inner", "linked_folder", "not-a-name"];
    expect(found.find("pkg")).toMatchObject({ isPackage: true, children });
    expect(found.find("pkg.inner")?.isPackage).toBe(false);
    expect(found.find("pkg.deep")?.isPackage).toBe(true);
    expect(found.find("pkg.nothing")).toBeUndefined();
  });

  test("names at the top, of all roots", () => {
    expect(finder("root", "second").top()).toEqual([
      "linked",
      "linked_folder",
      "linked_package",
      "loop",
      "mod",
      "other_root",
      "pkg",
      "spread",
      "within",
    ]);
    expect(finder().top()).toEqual([]);
    expect(finder("nowhere").top()).toEqual([]);
  });

  test("the first root wins; a namespace package is of all of them", () => {
    expect(finder("root", "second").find("mod")?.source).toContain("root/mod.py");
    expect(finder("second", "root").find("mod")?.source).toContain("second/mod.py");
    const spread = finder("root", "second").find("spread");
    expect(spread).toMatchObject({ isPackage: true, children: ["one", "two"], source: "" });
    expect(finder("root", "second").find("spread.two")?.source).toContain("second/spread/two.py");
  });

  test("a package hides the folders of that name in other roots, whatever their order", () => {
    expect(finder("second", "root").find("pkg")?.path).toBe(join(dir, "root/pkg/__init__.py"));
  });

  for (const name of [
    "",
    ".",
    "..",
    ".mod",
    "mod.",
    "pkg..inner",
    "..outside.secret",
    "../outside/secret",
    "/etc/passwd",
    "pkg/inner",
    "pkg\\inner",
    "mod\0",
    "mod.py",
    "not-a-name",
    "linked",
    "linked_folder",
    "linked_folder.secret",
    "linked_package",
    "pkg.linked_folder.secret",
    "loop",
  ]) {
    test(`${JSON.stringify(name)} is not found`, () => {
      expect(finder("root").find(name)).toBeUndefined();
    });
  }

  test("a link that stays within the roots is followed", () => {
    expect(finder("root").find("within")?.source).toContain("root/mod.py");
    expect(finder("root").find("other_root")).toBeUndefined();
    expect(finder("root", "second").find("other_root")?.source).toContain("second/mod.py");
  });

  test("a root may itself be a link", () => {
    expect(finder("alias").find("pkg.inner")?.source).toContain("root/pkg/inner.py");
    expect(finder("alias").find("linked")).toBeUndefined();
    expect(resource(finder("alias"), "pkg", "data.txt")).toBeDefined();
  });
});

describe("package data", () => {
  const text = (data: Uint8Array | undefined): string => new TextDecoder().decode(data);

  test("files and folders of a package", () => {
    const found = finder("root");
    expect(text(resource(found, "pkg", "data.txt"))).toContain("root/pkg/data.txt");
    expect(text(resource(found, "pkg", "folder/more.txt"))).toContain("more.txt");
    expect(text(resource(found, "pkg", "inside.txt"))).toContain("inner.py");
    expect(resources(found, "pkg", "folder/")).toEqual(["more.txt"]);
    const top = resources(found, "pkg", "");
    expect(top).toContain("folder/");
    expect(top).toContain("data.txt");
  });

  for (const path of [
    "",
    ".",
    "..",
    "../mod.py",
    "folder/../data.txt",
    "./data.txt",
    "folder//more.txt",
    "data.txt/",
    "folder",
    "nothing",
    "/etc/passwd",
    "data.txt\0",
    "\0",
    "linked.txt",
    "linked_folder/secret.txt",
    "beside.txt",
  ]) {
    test(`no file: ${JSON.stringify(path)}`, () => {
      expect(resource(finder("root", "second"), "pkg", path)).toBeUndefined();
    });
  }

  test("an absolute path is refused even where it leads inside", () => {
    const inside = join(dir, "root/pkg/data.txt");
    expect(resource(finder("root"), "pkg", inside)).toBeUndefined();
  });

  for (const path of [
    "..",
    "../",
    "../../",
    "/",
    "linked_folder/",
    "nothing/",
    "data.txt/",
    "./",
  ]) {
    test(`no folder: ${JSON.stringify(path)}`, () => {
      expect(resources(finder("root"), "pkg", path)).toBeUndefined();
    });
  }

  test("only of packages with an __init__.py", () => {
    expect(resource(finder("root"), "spread", "data.txt")).toBeUndefined();
    expect(resource(finder("root"), "mod", "mod.py")).toBeUndefined();
    expect(resource(finder("root"), "", "mod.py")).toBeUndefined();
    expect(resource(finder("root"), "..outside", "secret.txt")).toBeUndefined();
    expect(resource(finder("root"), "linked_package", "__init__.py")).toBeUndefined();
  });
});

test("files by their paths: of packages that were sent, of modules, of no other folder", () => {
  const of = finder("root", "second");
  const files = new PythonFiles(of);
  const real = realpathSync(dir);
  const sent = (path: string): boolean => path === join(real, "root/pkg/__init__.py");
  const read = (path: string, isSent = sent) => files.file(join(real, path), isSent) !== undefined;
  const READABLE = [
    "root/pkg/data.txt",
    "root/pkg/folder/more.txt",
    "root/mod.py",
    "root/spread/one.py",
  ];
  for (const path of READABLE) expect([path, read(path)]).toEqual([path, true]);
  const REFUSED = [
    "root/spread/data.txt",
    "root/pkg/linked.txt",
    "root/pkg/linked_folder/secret.txt",
    "root/pkg/beside.txt",
    "root/linked.py",
    "outside/secret.py",
    "outside/secret.txt",
    "root/pkg/../spread/data.txt",
    "root/pkg",
    "root/pkg/nothing",
  ];
  for (const path of REFUSED) expect([path, read(path)]).toEqual([path, false]);
  expect(files.file([real, "root/pkg/..", "mod.py"].join("/"), sent)).toBeUndefined();
  expect(read("root/pkg/data.txt", () => false)).toBe(false);
  const names = (path: string) => files.folder(join(real, path), sent)?.map(({ name }) => name);
  expect(names("root/pkg")).toContain("data.txt");
  expect(names("root/spread")).toEqual(["one.py"]);
  const unsent = files.folder(join(real, "root/pkg"), () => false)?.map(({ name }) => name);
  expect(unsent).toContain("__init__.py");
  expect(unsent).not.toContain("data.txt");
  expect(names("root")).toEqual(["mod.py", "other_root.py", "pkg", "spread", "within.py"]);
  expect(names("outside")).toBeUndefined();
  expect(names("")).toBeUndefined();
});
