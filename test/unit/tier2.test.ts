/** Dependencies of the second tier, as its files state them. */
import { expect, test } from "bun:test";
import { dependencies, neededAtOnce } from "../../scripts/tier2.ts";

test("what a file takes while it loads goes with it, and what that takes", () => {
  const sources = {
    a: 'b = econtext.tier("b")\ndef f():\n tier("d")\n',
    b: "from econtext.c import name\n",
    c: "",
    d: "",
  };
  expect(dependencies(sources)).toEqual({ a: ["c", "b"], b: ["c"], c: [], d: [] });
});

test("what a function takes goes along when a comment says so", () => {
  const sources = {
    a: '# A call that fails needs it. sent along: b, c-d\ndef f():\n  tier("b")\n',
    b: "",
    "c-d": "// sent along: e\nexports.f = () => {\n  core.tier('e');\n};\n",
    e: "",
  };
  expect(dependencies(sources)["a"]).toEqual(["b", "e", "c-d"]);
});

test("what is needed at once is told apart from what only goes along", () => {
  const sources = {
    a: '# needed at once: b\n# sent along: d\nc = tier("c")\n',
    b: "# sent along: d\n",
    c: "",
    d: "",
  };
  expect(neededAtOnce(sources)).toEqual({ a: ["c", "b"], b: [], c: [], d: [] });
  expect(dependencies(sources)["a"]).toEqual(["c", "d", "b"]);
});

test("files may take one another", () => {
  const sources = { a: 'tier("b")\n', b: 'tier("c")\n', c: 'tier("a")\n' };
  expect(dependencies(sources)).toEqual({ a: ["c", "b"], b: ["a", "c"], c: ["b", "a"] });
});

test("a module that does not exist ends the build, unless it is known", () => {
  const sources = { a: 'tier("roots")\n' };
  expect(() => dependencies(sources)).toThrow("a needs roots");
  expect(dependencies(sources, ["roots"])).toEqual({ a: ["roots"] });
});

test("modules that a docstring names would not be sent along, so the build ends", () => {
  const sources = { a: '"""A module.\n\nIt is sent along: b\n"""\n', b: "" };
  expect(() => dependencies(sources)).toThrow("must stand in a comment");
});
