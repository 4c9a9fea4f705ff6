/** Guards in the modules that a prompt imports: where they stand, and where errors are found. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { GuardedModules } from "../../src/repl/guarded-modules.ts";
import { GUARD, unguarded } from "../../src/repl/guards.ts";

const edit = (source: string, extension = ".ts", modules = new GuardedModules()): string =>
  modules.edit({ name: "/app/m.ts", source, extension });

test.each<[source: string, guards: number, extension?: string]>([
  ["export function spin(n: number): void { while (n > 0) n++; }", 2],
  ["#!/usr/bin/env econtext\nfor (;;) {}", 1],
  ["const f = async <T,>(x: T): Promise<T> => { 'use strict'; do await x; while (true) };", 2],
  ["const f = () => { 'use strict'\n  return g()\n};", 1],
  ["class A { constructor(private readonly x: number) { for (const y of [x]) { y } } }", 2],
  ["enum E { A = 1 }\nabstract class B<T> { abstract m(): void; n(): T { for (;;) { } } }", 2],
  ["const fib = (n: number): number => n < 2 ? n : fib(n - 1) + fib(n - 2);", 1],
  ["const f = (x?: F) => x?.() ?? f(x), g = (x) => (y = g(x)), h = (x) => ({ a: h(x) });", 3],
  ["const plain = (n: number) => n * 2, later = () => () => 1;", 0],
  ["const text = 'while (true) {}'; /* for (;;) {} */ const r = /while(x){}/;", 0],
  ["export const Page = (p: { n: number }) => <p>{p.n}{list(() => { more() })}</p>;", 1, ".tsx"],
  ["exports.a = function () { for (var key in this) { key } };", 2, ".js"],
  [
    "for (const x of y as string[]) { let z: Array<number> = <Array<number>>x; while (<any>z) ; }",
    2,
  ],
])("%j gets its guards", (source, guards, extension = ".ts") => {
  const text = edit(source, extension);
  expect(text.split(GUARD).length - 1).toBe(guards);
  expect(unguarded(text)).toBe(guards === 0 ? source : source.replace(/^#!/, "//"));
  expect(text.split("\n")).toHaveLength(source.split("\n").length);
  const loader = extension === ".tsx" ? "tsx" : "ts";
  expect(() => new Bun.Transpiler({ loader }).transformSync(text)).not.toThrow();
});

test.each(["namespace N { export const x = 1; for (;;); }", "while (true) {", "@dec class A {}"])(
  "%j cannot be read, and stays as it is",
  (source) => expect(edit(source)).toBe(source),
);

test("a module runs as before, and a guard that throws ends it", () => {
  const source = `function f(n) { let sum = 0; for (let i = 0; i < n; i++) sum += i; do sum++; while (sum < 20);
    for (const key in { a: 1 }) { sum += key.length } return sum }
    const g = (n) => n > 2 ? g(n - 1) : n ?? f(3);
    return [f(4), g(5), f.toString().length > 0]`;
  // A text that returns is no module: it is edited as a script is.
  const text = edit(source, ".js");
  expect(new Function(GUARD, text)(() => undefined)).toEqual([21, 2, true]);
  let left = 5;
  const run = (): unknown =>
    new Function(GUARD, text)(() => {
      if (left-- === 0) throw "ended";
    });
  expect(run).toThrow("ended");
});

test("columns of errors are those of the user's text", () => {
  const line = fc.constantFrom(
    "const f = (n: number): number => f(n) + MARK;",
    "for (const x of [1] as number[]) { while (x > 2) { MARK; } }",
    "function g<T>(x: T): T { for (;;) { if (MARK) return x; } }",
    "MARK; for (;;);",
    "let plain = MARK;",
  );
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 5 }), (lines) => {
      const source = lines.map((one, i) => one.replace(/\b([fg])\b/g, `$1${i}`)).join("\n");
      const modules = new GuardedModules();
      const text = edit(source, ".ts", modules);
      const placeOf = (all: string, i: number): string =>
        `/app/m.ts:${i + 1}:${(all.split("\n")[i] ?? "").indexOf("MARK") + 1}`;
      for (const i of lines.keys()) {
        const place = placeOf(text, i);
        expect(modules.find(place) ?? place).toBe(placeOf(source, i));
      }
    }),
  );
});
