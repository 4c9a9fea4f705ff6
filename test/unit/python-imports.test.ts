/** Which names a module is found to import. */
import { expect, test } from "bun:test";
import { findImports } from "../../src/modules/python/imports.ts";

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
  ["import a\nx = (\n  1)", ["a"]],
  ["if x: import a; import b; y = [\n1]", ["a", "b"]],
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

test("what may run is told from what does; what only type checkers read is left out", () => {
  const all = (source: string): string[] =>
    findImports(FUTURE + source, { module: "m", isPackage: false }).map(({ name, isLazy }) =>
      isLazy === true ? `(${name})` : name,
    );
  const LAZY: readonly (readonly [source: string, names: string[]])[] = [
    ["def f():\n  import a\nimport b", ["(a)", "b"]],
    ["class A:\n  import a\n  def f(self):\n    import b\n  import c", ["a", "(b)", "c"]],
    ["try:\n  import a\nexcept ImportError:\n  import b\nelse:\n  import c", ["a", "(b)", "c"]],
    ["if x:\n  import a\nelif y:\n  import b\nelse:\n  import c", ["(a)", "(b)", "(c)"]],
    ["if x: import a\nimport b", ["(a)", "b"]],
    ["def f(): import a\nimport a", ["a"]],
    ["import a\ndef f(): import a", ["a"]],
    ["with x as y:\n  import a", ["a"]],
    ["if TYPE_CHECKING:\n  import a\n  def f():\n    import b\nimport c", ["c"]],
    ["if typing.TYPE_CHECKING: import a; import b\nimport c", ["c"]],
    ["if TYPE_CHECKING:\n  import a\nelse:\n  import b", ["b"]],
    ["if not TYPE_CHECKING:\n  import a\nelse:\n  import b", ["a"]],
    ["if TYPE_CHECKING and x:\n  import a\nelse:\n  import b", ["b"]],
    ["if TYPE_CHECKING or x:\n  import a", ["(a)"]],
    ["if x or TYPE_CHECKING:\n  import a", ["(a)"]],
    ["if x is False:\n  import a", ["(a)"]],
    ["if TYPE_CHECKING and x or y:\n  import a", ["(a)"]],
    ["if not typing.TYPE_CHECKING:\n  import a", ["a"]],
    ["if MYPY:\n  import a\nif False:\n  import b\nif 0:\n  import c\nimport d", ["d"]],
    ["x = {1: 2}\nimport a", ["a"]],
    ["if x:\n  if y:\n    pass\nimport a", ["a"]],
    ["async def f():\n  import a\nimport b", ["(a)", "b"]],
  ];
  for (const [source, expected] of LAZY) expect([source, all(source)]).toEqual([source, expected]);
});
