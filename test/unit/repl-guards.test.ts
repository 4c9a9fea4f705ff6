/** Guards in the loops of typed code. */
import { expect, test } from "bun:test";
import { compile } from "../../src/repl/compile-input.ts";
import { GUARD, guarded, unguarded } from "../../src/repl/guards.ts";

test.each([
  "while (true) {}",
  "for (;;) await 0",
  "for (let i = 0, s = ';;';; i++) { if (i > 3) break }",
  "for (let i = 0; i < 5; i++);",
  "const f = async () => { 'use strict'; for (const x of [1]) { x } do x++; while (1) }",
  "class A { constructor() { for (;;); } *m() { while (1) yield 1 } }",
  "label: for (const key in {}) { continue label }",
])("%s", (source) => {
  const { code } = compile(source);
  const text = guarded(code);
  expect(text.split(GUARD).length).toBeGreaterThan(2);
  expect(unguarded(text)).toBe(code);
  expect(() => new Function(text)).not.toThrow();
});

test("a directive stays first, and every loop calls the guard", () => {
  let calls = 0;
  const text = guarded(
    "function f() { 'use strict'; let n = 0; for (;;) { if (++n === 3) break } do n++; while (n < 6);" +
      " for (const one of [1, 2]) { n += one } return [n, this === undefined] } return f()",
  );
  const run = new Function(GUARD, text);
  expect(run(() => void calls++)).toEqual([9, true]);
  expect(calls).toBeGreaterThanOrEqual(1 + 3 + 3 + 2);
});
