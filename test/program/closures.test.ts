import { expect, test } from "bun:test";
import { UsageError } from "../../src/errors.ts";
import { Closures } from "../../src/functions/closures.ts";
import { describeFunction } from "../../src/functions/describe-function.ts";

const SOURCE = `import { helper } from "./helper.ts";
interface Unused { readonly x: number }
enum Level { Low = 1 }
function outer(count: number) {
  const plain = (x: number) => x + 1;
  const top = async () => helper(Level.Low);
  const captures = (x: number) =>
    x +
    count;
  const five = 5;
  const inlined = (x: string) => helper(x, five);
  const both = (x: string, y: string) => five + count;
  const self = () => this.count;
  return { plain, top, captures, inlined, both, self, method(a: string) { return helper(a); } };
}
class Service { go(): number { return 1; } }
`;

function closures(): Closures {
  const all = new Closures();
  all.add({ name: "/app/main.ts", source: SOURCE, extension: ".ts" });
  return all;
}

/**
 * As it was written but for its types, and with its place, for stacks; its module only where it
 * needs that.
 */
test("a function that needs nothing goes as its text, one that needs its module with it", () => {
  expect(closures().inline("(x) => x + 1")).toEqual({
    module: "",
    source: "(x) => x + 1\n//# sourceURL=master:/app/main.ts#5,16",
  });
  const method = "method(a) {\n  return helper(a);\n}";
  expect(closures().inline(method)).toEqual({
    module: "/app/main.ts",
    source: "function (a) { return helper(a); }\n//# sourceURL=master:/app/main.ts#14,51",
  });
});

test("a captured local is refused with its name, file and line", () => {
  expect(refusal("(x) => x + count")).toEqual([
    "ERR_USAGE_CLOSURE",
    "/app/main.ts:9: the function closes over count; pass it as an argument, or move the function to the top level",
  ]);
  expect(refusal("() => this.count")).toEqual([
    "ERR_USAGE_CLOSURE",
    "/app/main.ts:13: the function closes over this; pass it as an argument, or move the function to the top level",
  ]);
});

test("constants that the runtime put in their places are no variables", () => {
  const text = "(x) => helper(x, 5)";
  expect(closures().inline(text)).toEqual({ module: "/app/main.ts", source: text });
  expect(refusal("(x, y) => 5 + count")[1]).toStartWith("/app/main.ts:12: ");
});

test("a method of instances is refused", () => {
  const [code, message] = refusal("go() { return 1; }");
  expect(code).toBe("ERR_USAGE_FUNCTION");
  expect(message).toContain("/app/main.ts:16: is a method of a class's instances");
});

test("what belongs to the runtime has a name; classes and bound functions have none", () => {
  expect(describeFunction(Math.max).function).toBe("Math.max");
  expect(describeFunction(process.cwd).function).toBe("process.cwd");
  expect(describeFunction(() => 5)).toEqual({ language: "javascript", function: ["", "() => 5"] });
  expect(() => describeFunction(class A {} as never)).toThrow("A is a class");
  expect(() => describeFunction(refusal.bind(null))).toThrow("bound function");
  const local = Math.random();
  expect(() => describeFunction(() => local)).toThrow("closes over local");
});

function refusal(text: string): [code: string, message: string] {
  try {
    closures().inline(text);
  } catch (error) {
    if (error instanceof UsageError) return [error.code, error.message];
    throw error;
  }
  throw new Error("not refused");
}
