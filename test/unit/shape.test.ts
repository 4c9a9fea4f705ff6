/** The checks of shape: how functions are measured, and how exceptions may only go down. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ratchet } from "../../scripts/ratchet.ts";
import { measure } from "../../scripts/shape.ts";

const dir = mkdtempSync(join(tmpdir(), "econtext-shape-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const functions = (path: string, text: string) =>
  measure(path, text)
    .filter(({ check }) => check === "functions")
    .map(({ key, size }) => [key.replace(`${path} `, ""), size]);

test("functions of TypeScript are measured by their lines", () => {
  const text = `function a() {\n  return 1;\n}\nconst b = () => {\n};\nclass C {\n  d() {}\n}\n`;
  expect(functions("src/a.ts", text)).toEqual([
    ["a", 3],
    ["b", 2],
    ["d", 1],
  ]);
});

test("functions of Python are measured by their indentation", () => {
  const text = `def a(\n    x,\n):\n    def b():\n        pass\n\n    return b\n\n\nx = 1\n`;
  expect(functions("stage1/a.py", text)).toEqual([
    ["a", 7],
    ["b", 2],
  ]);
});

test("imports and public names are counted", () => {
  const text = `import a from "a";\nexport { b, type c } from "b";\nexport type { d } from "d";\n`;
  const sizes = measure("src/index.ts", text).map(({ check, size }) => [check, size]);
  expect(sizes).toEqual([
    ["lines", 3],
    ["imports", 1],
    ["names", 3],
  ]);
});

test("an exception allows its number and no more, and must be needed", () => {
  const path = join(dir, "exceptions.json");
  writeFileSync(path, `{ "lines": { "a": 2, "b": 1 } }`);
  const found = (key: string, weight: number) => ({ key, weight, text: `${key} is long` });
  expect(ratchet(path, "lines", [found("a", 2), found("b", 1)])).toEqual([]);
  expect(ratchet(path, "lines", [found("a", 3), found("b", 1)])).toEqual([
    "a is long",
    "lines: a has 3, and had 2",
  ]);
  expect(ratchet(path, "lines", [found("a", 1)])).toEqual([
    "exceptions.json: lines: remove b, which passes now",
  ]);
  expect(ratchet(path, "lines", [found("a", 1), found("b", 1), found("c", 1)])).toEqual([
    "c is long",
  ]);
});
