/**
 * Which files are sent of a package that becomes real files: all that the user may have meant,
 * bounded, and nothing with a hidden name.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { JavaScriptFinder } from "../../src/modules/javascript/finder.ts";
import { JavaScriptUnpack } from "../../src/modules/javascript/unpack.ts";
import { PythonFinder } from "../../src/modules/python/finder.ts";
import { PythonUnpack } from "../../src/modules/python/unpack.ts";
import { UnpackList } from "../../src/modules/unpack-list.ts";

const MIB = 1024 * 1024;
const FILES = [
  "py/pkg/__init__.py",
  "py/pkg/deep/data.bin",
  "py/pkg/.env",
  "py/large/__init__.py",
  "js/package.json",
  "js/index.js",
  "js/.env",
  "js/node_modules/one/package.json",
  "js/node_modules/one/index.js",
  "js/node_modules/one/.config",
];

let dir = "";
beforeAll(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "econtext-unpack-list-")));
  for (const file of FILES) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), file.endsWith(".json") ? '{"name":"own"}' : file);
  }
  // Two links that lead back: each folder below would hold both again.
  for (const name of ["one", "two"]) symlinkSync("..", join(dir, "py/pkg/deep", name));
  writeFileSync(join(dir, "py/large/data.bin"), "");
  truncateSync(join(dir, "py/large/data.bin"), 256 * MIB); // a hole: it takes no room
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test("python: a folder that links lead back to is sent once", () => {
  const unpack = new PythonUnpack(new PythonFinder([join(dir, "py")]));
  const files = unpack.piece(join(dir, "py/pkg"), 0)?.map(([path]) => path);
  expect(files?.sort()).toEqual(["pkg/__init__.py", "pkg/deep/data.bin"]);
  expect(unpack.piece(join(dir, "py/pkg"), 2)).toEqual([]);
});

test("python: a file that fits no message is refused, and so is another spelling of a place", () => {
  const unpack = new PythonUnpack(new PythonFinder([join(dir, "py")]));
  expect(unpack.piece(join(dir, "py/large"), 0)).toBeUndefined();
  expect(unpack.piece(`${join(dir, "py/pkg")}/`, 0)).toBeUndefined();
});

test("javascript: what a dot hides in a program's own package stays here", () => {
  const finder = new JavaScriptFinder([join(dir, "js")]);
  const unpack = new JavaScriptUnpack(finder.roots, finder.packages, ["own", "one"]);
  const filesOf = (folder: string) =>
    unpack.piece(join(dir, folder), 0)?.map(([path]) => path.slice(join(dir, folder).length + 1));
  expect(filesOf("js")?.sort()).toEqual(["index.js", "package.json"]);
  expect(filesOf("js/node_modules/one")?.sort()).toEqual([".config", "index.js", "package.json"]);
});

test("pieces are of bounded size, and hold a file at least", () => {
  const list = new UnpackList<{ readonly size: number }>();
  for (const size of [20 * MIB, 9 * MIB, 7 * MIB, 1]) expect(list.add({ size })).toBe(true);
  const sizes = [0, 1, 3, 4].map((done) => list.piece(done).map(({ size }) => size));
  expect(sizes).toEqual([[20 * MIB], [9 * MIB, 7 * MIB], [1], []]);
  expect(list.add({ size: 1024 * MIB })).toBe(false);
  expect(list.isSendable).toBe(false);
});
