/** Functions as text: what is sent has the value of the function itself. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { Closures } from "../../src/functions/closures.ts";
import { standAlone } from "../../src/functions/inline.ts";

const evaluate = (source: string): ((...args: number[]) => unknown) =>
  new Function(`return (${source}\n)`)();

/** An expression of the parameters and of locals that the function declares itself. */
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("a", "b", "own", "1", "-2", "Math.PI"),
    fc
      .tuple(tie("expression"), fc.constantFrom("+", "-", "*"), tie("expression"))
      .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
    tie("expression").map((inner) => `((x) => x + ${inner})(a)`),
    tie("expression").map((inner) => `[${inner}, b].map((own) => own * 2)[0]`),
    tie("expression").map((inner) => `(({ b = 3 }) => b + ${inner})({})`),
  ),
}));

const FORMS: readonly ((body: string) => string)[] = [
  (body) => `(a, b) => { const own = 5; return ${body}; }`,
  (body) => `function (a, b) { for (var own = 0; own < 3; own++); return ${body}; }`,
  (body) => `function own2(a, b) { let own = 7; { return ${body}; } }`,
];
const form = fc.constantFrom(...FORMS);
const number = fc.integer({ min: -9, max: 9 });

test("a function of its own variables has the same value where it is evaluated again", () => {
  fc.assert(
    fc.property(form, expression, number, number, (write, body, a, b) => {
      const fn = evaluate(write(body));
      const closures = new Closures();
      closures.add({ name: "/app/m.js", source: `use(${write(body)});`, extension: ".js" });
      const { module, source } = closures.inline(fn.toString());
      expect(module).toBe("");
      expect(evaluate(source)(a, b)).toEqual(fn(a, b));
      expect(evaluate(standAlone(fn.toString()))(a, b)).toEqual(fn(a, b));
    }),
  );
});

test("a function that uses a variable of the function around it is refused, at its line", () => {
  fc.assert(
    fc.property(form, expression, fc.nat(5), (write, body, lines) => {
      const text = write(`${body} + captured`);
      const source = `${"\n".repeat(lines)}function around(captured) { return ${text}; }`;
      const closures = new Closures();
      closures.add({ name: "/app/m.js", source, extension: ".js" });
      const fn = evaluate(text).toString();
      expect(() => closures.inline(fn)).toThrow(
        `/app/m.js:${lines + 1}: the function closes over captured;`,
      );
    }),
  );
});

test("a function that uses a name of its module is evaluated in that module", () => {
  fc.assert(
    fc.property(form, expression, (write, body) => {
      const text = write(`${body} + top`);
      const closures = new Closures();
      closures.add({
        name: "/app/m.js",
        source: `const top = 1;\nuse(${text});`,
        extension: ".js",
      });
      const { module, source } = closures.inline(evaluate(text).toString());
      expect(module).toBe("/app/m.js");
      expect(source).toContain("//# sourceURL=master:/app/m.js#2,");
    }),
  );
});

test.each([
  ["method(a, b) { return a - b; }", "function (a, b) { return a - b; }"],
  ["async method() {}", "async function () {}"],
  ["*method() {}", "function* () {}"],
  ["'a b'() {}", "function () {}"],
])("the method %s becomes a function expression", (text, expected) => {
  expect(standAlone(text).replace(/\s+/g, " ")).toBe(expected);
});

test.each([
  ["get size() { return 1; }", "is a getter or a setter"],
  ["method() { return this.x; }", "is a method that uses this"],
  ["function (", "cannot be read"],
])("%s is refused", (text, problem) => {
  expect(() => standAlone(text)).toThrow(problem);
});
