/** Which names a module is found to import. */
import { expect, test } from "bun:test";
import { findImports } from "../../src/modules/python-imports.ts";

const FUTURE = "from __future__ import absolute_import\n";

function names(source: string, module = "pkg.sub.mod", isPackage = false): string[] {
  return findImports(FUTURE + source, { module, isPackage }).map(({ name }) => name);
}

const CASES: readonly (readonly [source: string, names: string[]])[] = [
  ["import a.b as c, d", ["a.b", "d"]],
  ["import a; import b", ["a", "b"]],
  ["from x import (y,  # why\n  z as w,\n)", ["x", "x.y", "x.z"]],
  ["from x import *", ["x"]],
  ["from x . y import z", ["x.y", "x.y.z"]],
  ["from . import y", ["pkg.sub", "pkg.sub.y"]],
  ["from .y import z", ["pkg.sub.y", "pkg.sub.y.z"]],
  ["from .. import y", ["pkg", "pkg.y"]],
  ["from..p import q", ["pkg.p", "pkg.p.q"]],
  ["from ... import y", []],
  ["from .... import y", []],
  [
    "def f():\n  import a\n  try: import b\n  except ImportError: from c import d",
    ["a", "b", "c", "c.d"],
  ],
  ["if x:\n  import a, \\\n    b\nelse:\n  import c", ["a", "b", "c"]],
  ["import b\nimport a\nimport b", ["b", "a"]],
  ["import pkg.sub.mod", []],
  ["__import__('a.b'); importlib.import_module(\"c\")", ["a.b", "c"]],
  ["import_module('.y', __package__)", ["pkg.sub.y"]],
  ["__import__('a' + b); __import__(name); __import__(f'{x}')", []],
  ["def g():\n  yield from a\n  raise X from b", []],
  ["'''\nimport a\n'''\nx = 'import b'  # import c", []],
  ["from __future__ import division", []],
  ["import\nfrom\nfrom x\nfrom x import\nimport a.\nimport (b", ["x", "a"]],
];

test.each(CASES)("%j", (source, expected) => {
  expect(names(source)).toEqual(expected);
});

test("relative imports of a package start at itself", () => {
  expect(names("from . import y\nfrom .z import w", "pkg", true)).toEqual([
    "pkg.y",
    "pkg.z",
    "pkg.z.w",
  ]);
  expect(names("from .. import y", "pkg", true)).toEqual([]);
  expect(names("from . import y", "top", false)).toEqual([]);
});

test("Python 2 tries the sibling first, unless the file says otherwise", () => {
  const importer = { module: "pkg.mod", isPackage: false };
  expect(findImports("import a.b\nfrom x import y\nfrom . import z", importer)).toEqual([
    { name: "a.b", implicitRelative: "pkg.a.b" },
    { name: "x", implicitRelative: "pkg.x" },
    { name: "x.y", implicitRelative: "pkg.x.y" },
    { name: "pkg" },
    { name: "pkg.z" },
  ]);
  expect(findImports("import a\nfrom __future__ import absolute_import", importer)).toEqual([
    { name: "a" },
  ]);
  expect(findImports("import a", { module: "top", isPackage: false })).toEqual([{ name: "a" }]);
  expect(findImports("import_module('a')", importer)).toEqual([{ name: "a" }]);
});
