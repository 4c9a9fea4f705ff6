/** The statement that registers a module's members is there, and no line of the user's moves. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { withScope } from "../../src/program/instrument.ts";

const REGISTER = "__test_register__";

const instrument = (source: string, { extension = ".ts", isMain = false } = {}) =>
  withScope({ name: "/app/m.ts", source, extension }, { register: REGISTER, isMain });

/** The names that the module registers. */
function registered(source: string, extension?: string): string[] {
  const text = instrument(source, extension === undefined ? {} : { extension });
  const [, members = ""] =
    /__test_register__\("\/app\/m\.ts",\{__proto__:null,(.*?)\}\);/.exec(text) ?? [];
  return [...members.matchAll(/"(\w+)":\(\)=>/g)].map(([, name = ""]) => name);
}

test.each<[source: string, names: string[]]>([
  ["function f() {}\nexport const g = 1;\nclass H {}", ["f", "g", "H"]],
  ["import { x } from './x.ts';\nlet y: number;", ["y"]],
  ["export default () => 1;", ["default"]],
  ["export default function () {}", ["default"]],
  ["export default function named() {}", ["named"]],
  ["export default 5;", []],
  ["enum E { A }\ninterface I {}", ["E"]],
  ["if (true) { const inner = 1; var outer = 2; }", []],
])("%j registers %j", (source, names) => {
  expect(registered(source)).toEqual(names);
});

test("a module is evaluated as it was written, and registers members that are read later", () => {
  const calls: [string, Record<string, () => unknown>][] = [];
  const globals = globalThis as unknown as Record<string, unknown>;
  globals[REGISTER] = (...call: (typeof calls)[number]) => calls.push(call);
  try {
    const text = instrument("'use strict';\nconst a = 1;\nfunction b() { return a + 1; }", {
      extension: ".js",
    });
    new Function(text)();
    const [[name, members]] = calls as [(typeof calls)[number]];
    expect(name).toBe("/app/m.ts");
    expect(members["a"]?.()).toBe(1);
    const b = members["b"]?.() as (() => number) | undefined;
    expect(b?.()).toBe(2);
  } finally {
    delete globals[REGISTER];
  }
});

const HEAD = ["// a comment", "/* two\nlines */", "", "  ", "'use strict';"];
const BODY = ["const a = 1;", "function b() {\n  return 2;\n}", "import './c.ts';", "export {};"];

test("each line stays where it was, whatever stands in front of the first statement", () => {
  const head = fc.array(fc.constantFrom(...HEAD), { maxLength: 4 });
  const body = fc.shuffledSubarray(BODY);
  fc.assert(
    fc.property(fc.boolean(), head, body, (hasBang, before, statements) => {
      const bang = hasBang ? ["#!/usr/bin/env econtext"] : [];
      const source = [...bang, ...before, ...statements].join("\n");
      const lines = instrument(source).split("\n");
      const own = source.replace(/^#!/, "//").split("\n");
      expect(lines).toHaveLength(own.length);
      const changed = lines.filter((line, i) => line !== own[i]);
      expect(changed).toEqual([expect.stringContaining(`globalThis.${REGISTER}(`)]);
    }),
  );
});

test("only the main module is main, at the same columns", () => {
  const source = "const is = import.meta.main, at = import.meta.url;";
  expect(instrument(source)).toContain("import.meta.main");
  const main = instrument(source, { isMain: true });
  expect(main).toContain("const is = true            , at = ");
  expect(main).toContain('"file:///app/m.ts"');
});

test("a text that cannot be parsed is left to the runtime, which reports it", () => {
  expect(instrument("const = ;")).toBe("const = ;");
});
