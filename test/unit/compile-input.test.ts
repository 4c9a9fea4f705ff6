/** Inputs of a prompt: what they declare, whether they have a value, and what they evaluate to. */
import { expect, test } from "bun:test";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { compile, IMPORT, InputError } from "../../src/repl/compile-input.ts";

/** Runs inputs one after the other in one global scope. @returns the value of the last */
async function evaluate(...inputs: readonly string[]): Promise<unknown> {
  const scope = { [IMPORT]: async (name: string) => ({ imported: name }) };
  let result: unknown;
  for (const input of inputs) result = await runInNewContext(compile(input).code, scope);
  return (result as { value?: unknown } | undefined)?.value;
}

test.each<[input: string, names: string[], hasValue: boolean]>([
  ["const a: number = 1, { b, c: [d] } = x;", ["a", "b", "d"], false],
  ["let e = await f()", ["e"], false],
  ["async function g<T>(x: T) { return x; }", ["g"], false],
  ["class H { private i = 1; }", ["H"], false],
  ["import j, { k as l } from 'node:fs'", [], false],
  ["1 + 1", [], true],
  ["{ m: 1 }", [], true],
  ["for (const n of []) n;", [], false],
  ["interface O { p: string }", [], false],
  ["q = 5", [], true],
  ["", [], false],
])("%s", (input, names, hasValue) => {
  const compiled = compile(input);
  if (!input.startsWith("import")) expect([...compiled.names].sort()).toEqual([...names].sort());
  expect(compiled.hasValue).toBe(hasValue);
});

test.each(["f(", "function f() {", "`open", "[1,", "({ a: ", "if (x) {", "/* comment"])(
  "%s may become an input",
  (input) => {
    expect(() => compile(input)).toThrow(expect.objectContaining({ isIncomplete: true }));
  },
);

test.each(["f)", "const = 1", "let a; let a;", "1 +* 2", "'open"])("%s never does", (input) => {
  const compiled = () => compile(input);
  expect(compiled).toThrow(InputError);
  expect(compiled).toThrow(expect.objectContaining({ isIncomplete: false }));
});

test("an error names line and column of the input", () => {
  expect(() => compile("const a = 1;\n  b c")).toThrow(/^2:5: /);
});

test("what one input declares is there for the next, redeclared or not", async () => {
  expect(await evaluate("const a = 1", "a + 1")).toBe(2);
  expect(await evaluate("const a = 1", "const a = 2", "a")).toBe(2);
  expect(await evaluate("function f() { return g(); }", "const g = () => 3", "f()")).toBe(3);
  expect(await evaluate("const b = await Promise.resolve(4)", "b")).toBe(4);
  expect(await evaluate("class C { d = 5 }", "new C().d")).toBe(5);
});

test("what an import statement names is told; what is only used of a module is not", () => {
  const told = (input: string): unknown => compile(input).code.match(/__impt\((.*)\)/)?.[1];
  expect(told('import d, { a, b as c } from "./x.ts"; a(c, d)')).toBe(
    '"./x.ts",["a","b","default"]',
  );
  for (const input of [
    'import * as n from "./x.ts"; n.a',
    'const { a } = await import("./x.ts")',
  ]) {
    expect(told(input)).toBe('"./x.ts"');
  }
});

test("an import in an input is the prompt's own, and keeps the columns", async () => {
  expect(await evaluate("(await import('./x.ts')).imported")).toBe("./x.ts");
  const { code } = compile("const f = () => import('y')");
  expect(code).not.toMatch(/\bimport\s*\(/);
  expect(IMPORT).toHaveLength("import".length);
});

test("the value of an expression is that of JavaScript", async () => {
  const { expression } = fc.letrec<{ expression: string }>((tie) => ({
    expression: fc.oneof(
      { depthSize: "small" },
      fc.integer({ min: 0, max: 99 }).map(String),
      fc.constantFrom("'text'", "[1, 2]", "({ a: 1 })", "``", "null"),
      fc
        .tuple(tie("expression"), fc.constantFrom("+", "===", "??", ","), tie("expression"))
        .map(([left, operator, right]) => `((${left}) ${operator} (${right}))`),
      tie("expression").map((inner) => `[0, ${inner}]`),
      tie("expression").map((inner) => `(await (${inner}))`),
    ),
  }));
  await fc.assert(
    fc.asyncProperty(expression, async (text) => {
      const expected: unknown = await new Function(`return (async () => (${text}))()`)();
      expect(JSON.stringify(await evaluate(text))).toBe(JSON.stringify(expected) ?? "");
    }),
  );
});
