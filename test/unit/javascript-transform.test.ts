/**
 * What a module's text becomes on the wire: its lines, its kind, what it asks for, and the way
 * back. That it runs: test/stage1/importer-*.
 */
import { expect, test } from "bun:test";
import { Script } from "node:vm";
import { transform } from "../../src/modules/javascript/transform.ts";

const made = (name: string, text: string, type?: "module" | "commonjs") =>
  transform(`/p/${name}`, text, { type, scope: true });
const lineOf = (text: string, part: string): number =>
  text.slice(0, text.indexOf(part)).split("\n").length;

test("every statement keeps its line, and positions lead back to the source", () => {
  const source = `#!/usr/bin/env econtext
import {
  a,
  type B,
} from "./a.ts";
interface Shape {
  x: number;
}
enum Color { Red, Green = 5 }
export let count: number = 0;
class Box<T> {
  constructor(private readonly value: T, public other?: string) {}
}
export function fail(this: void, x: Shape | undefined): never {
  count += 1; throw new Error("marker" + x!.x + (a as unknown as string));
}
export default <T,>(x: T): T => x;
export const tail = (await import("./b.ts")).marker2;
`;
  const { source: sent, original, format } = made("main.ts", source);
  expect(format).toBe("esm");
  new Script(sent);
  for (const part of ["fail(", '"marker"', "marker2", "Box", "Green"]) {
    const line = lineOf(source, part);
    expect(lineOf(sent, part), part).toBe(line);
    const column = (sent.split("\n")[line - 1]?.indexOf(part) ?? 0) + 1;
    const wanted = (source.split("\n")[line - 1]?.indexOf(part) ?? 0) + 1;
    // Where a source map has no token of its own, it has the one before.
    const found = original(line, column);
    expect(found.line).toBe(line);
    expect(Math.abs(found.column - wanted), part).toBeLessThanOrEqual(1);
  }
});

test("what a plain module's edits shift is shifted back exactly", () => {
  const source =
    'import { a } from "./a.mjs"; export let n = a; n++; n = mark(n); export { n as m }; end();\n';
  const { source: sent, original } = made("x.mjs", source);
  for (const part of ["mark(", "end("]) {
    expect(original(1, sent.indexOf(part) + 1)).toEqual({
      line: 1,
      column: source.indexOf(part) + 1,
    });
  }
});

test("a statement that goes leaves its semicolon", () => {
  const { source } = made("x.mjs", "let x = 1\nexport { x }\n(function () {})()\n");
  expect(source).toContain("\n;           \n(function");
});

test("only assignments to what is exported are passed on", () => {
  const source = `export let a = 0; let b = 0;
function one(a) { a = 1; }
function two() { var a; a++; if (a) { let a; a = 3; } }
function three() { b = 1; a = b = 2; [a, b] = [1, 2]; ({ a } = {}); for (a of []); for (const a of []) a; }
try {} catch (a) { a = 4; }
(class a { m() { a = 5; } });
switch (1) { case 1: let a; a = 6; }
{ function a() {} a = 7; }
`;
  const { source: sent } = made("x.mjs", source);
  new Script(sent);
  const lines = sent.split("\n").map((line) => line.match(/__e\.set\(/g)?.length ?? 0);
  expect(lines).toEqual([1, 0, 0, 4, 0, 0, 0, 0, 0, 0]);
});

test("a text's own names are left alone", () => {
  const { source } = made(
    "x.mjs",
    "export const __e = 1, __d = 2, __v = 3; export default () => __e;\n",
  );
  new Script(source);
  expect(source).toContain("__e1.link(");
});

test("the kind of a module: by name, by package, by syntax", () => {
  const formats: [string, string, "module" | "commonjs" | undefined, string][] = [
    ["x.mjs", "1", undefined, "esm"],
    ["x.mts", "1", "commonjs", "esm"],
    ["x.cjs", "1", "module", "cjs"],
    ["x.cts", "1", undefined, "cjs"],
    ["x.js", "1", "module", "esm"],
    ["x.js", "1", "commonjs", "cjs"],
    ["x.js", "1", undefined, "cjs"],
    ["x.js", "export {}", undefined, "esm"],
    ["x.js", 'import "./y"', undefined, "esm"],
    ["x.js", 'import("./y")', undefined, "cjs"],
    ["x.js", "import.meta", undefined, "esm"],
    ["x.js", "await 1", undefined, "esm"],
    ["x.js", "const s = `\nexport {}`; with (s) {}", undefined, "cjs"],
    ["x.ts", "import type { A } from './a'; module.exports = 1", undefined, "cjs"],
    ["x", "#!/usr/bin/env econtext\nlet x: number; export {}", undefined, "esm"],
  ];
  for (const [name, text, type, format] of formats) {
    expect(made(name, text, type).format, `${name} ${type}: ${text}`).toBe(format as "esm");
  }
});

test("what a module asks for", () => {
  const { requests } = made(
    "x.ts",
    `import type { T } from "types"; import { U } from "unused"; import a, { type B } from "a";
export * from "b"; import j from "./j.json" with { type: "json" }; import("late"); import(a); require("c"); require(a);
a(require.resolve("d")); new a(j);`,
  );
  expect(requests.map(({ specifier, kind, eager }) => `${specifier} ${kind} ${eager}`)).toEqual([
    "a import true",
    "b import true",
    "./j.json import true",
    "late import false",
    "c require true",
  ]);
  expect(requests.find(({ specifier }) => specifier === "./j.json")?.type).toBe("json");
});

test("JSX is sent as calls", () => {
  const { source, requests } = made(
    "x.tsx",
    "export const A = (p: { a: 1 }) => <b a={p.a}>hi</b>;\n",
  );
  new Script(source);
  expect(requests.map(({ specifier }) => specifier)).toEqual(["react/jsx-runtime"]);
});

test("what cannot be read says where", () => {
  const problem = (name: string, text: string): string => {
    try {
      made(name, text);
    } catch (error) {
      return String(error);
    }
    return "";
  };
  expect(problem("x.mjs", "let a;\nlet = 1;")).toMatch(/^SyntaxError: \/p\/x\.mjs:2:\d+: /);
  expect(problem("x.ts", "let a;\nlet b: = 1;")).toMatch(/^SyntaxError: \/p\/x\.ts:2:8: /);
  expect(problem("x.ts", "\nexport namespace N { export const a = 1 }")).toBe(
    "SyntaxError: /p/x.ts:2:1: a TypeScript namespace cannot be sent; use a module",
  );
  expect(problem("x.ts", "\n@d class A {}")).toMatch(/^SyntaxError: \/p\/x\.ts:2:\d+: .*decorator/);
});
