/**
 * The far importer, in Bun and in every Node.js at hand, fed by the real responder: what a
 * program's modules do in a slave.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { bun, NODES, nodeOf } from "../helpers/javascripts.ts";
import { suite } from "../helpers/skip.ts";
import { FarImporter, type Told } from "./importer-runner.ts";

const FILES: Readonly<Record<string, string>> = {
  "package.json": `{ "name": "prog", "imports": { "#inner": "./lib/inner.ts" } }`,
  "main.ts": `#!/usr/bin/env econtext
import type { Missing } from "./nowhere.ts";
import { Color, fail, type Shape } from "./helper.ts";
import config from "./config.json" with { type: "json" };
import * as helper from "./helper";
enum Mode { Slow = 1, Fast }
interface Local { a: number }
let count = 0;
function add(a: number, b: number): number { return a + b; }
const arrow = async (x: string): Promise<string> => x + Mode.Fast;
class Tool { static scale = 3; static times(n: number): number { return n * this.scale; } }
export default function (): string { return "the default"; }
export class Lazy<T> { constructor(private readonly value: T) {} get(): T { return this.value; } }
function state(): number { return ++count; }
function colors() { return [Color.Blue, config.answer, Object.keys(helper), new Lazy(7).get()]; }
function meta() { return { ...import.meta, main: import.meta.main, resolved: import.meta.resolve("./helper.js") }; }
function boom(): void { fail({ a: 1 } as Shape); count++; }
async function late(name: string) { return Object.keys(await import(name)); }
async function lateKnown() { return (await import("./late.ts")).value; }
function bare() { return require("./old.cjs").who; }
`,
  "helper.ts": `export interface Shape {
  a: number;
}
export enum Color { Red, Blue = 5 }

export function fail(shape: Shape): void {
  if (shape.a as number) throw new RangeError("bad " + shape.a);
}
export type { Shape as Other };
`,
  "config.json": `{ "answer": 42 }`,
  "late.ts": `export const value: string = "late"; export default 1;`,
  "old.cjs": `exports.who = "old"; exports.here = [__filename, __dirname, typeof require, this === exports];
function hidden() { return exports.here.length; }
exports.dyn = (x) => require(x); exports.imp = (x) => import(x); exports.res = (x) => require.resolve(x);`,
  "cycle/a.mjs": `import { b, readA } from "./b.mjs"; export let a = "a1"; export const early = readA(); export function fa() { return "fa"; }
export function bump() { a = "a2"; return readA(); } export { b }; export const seen = () => [early, b]; `,
  "cycle/b.mjs": `import { a, fa } from "./a.mjs"; export const b = "b" + fa(); export const readA = () => a;`,
  "live/counter.mjs": `export let n = 0, m; export let list = []; export function inc() { n++; [m, list[0]] = [n * 10, n]; ({ n } = { n: n + 1 }); for (n of [n]); return n; }
export function shadow(n) { n = 99; { let m = 1; m = 2; } return n; }
const y = 1
export { y }
(function () { n += 0 })()
export { n as "any name", n as renamed }; let q = 5; export { q as default }; export const set = (v) => q = v;`,
  "live/use.mjs": `import q, { n, m, inc, renamed, set, shadow, "any name" as any } from "./counter.mjs"; import * as ns from "./counter.mjs";
export function run() { const out = [n, m]; inc(); out.push(n, m, renamed, any, ns.n, ns["any name"]); set(8); shadow(1); out.push(q, ns.default, n);
 return [out, Object.keys(ns), Object.prototype.toString.call(ns), Object.getPrototypeOf(ns)]; }
export function assign() { ns.n = 5; }`,
  "tla/top.mts": `import { ready } from "./slow.mts"; import "./after.mts"; export const got: string = ready; export const fn = () => got;`,
  "tla/slow.mts": `export let ready = "no"; await new Promise((r) => setTimeout(r, 10)); ready = await Promise.resolve("yes"); for await (const x of [1]) { globalThis.tla = x; }`,
  "tla/after.mts": `import { ready } from "./slow.mts"; globalThis.order = ready;`,
  "tla/req.cjs": `exports.go = () => { try { require("./slow.mts"); return "?"; } catch (e) { return e.code; } };`,
  "mix/esm.mjs": `import def, { named, fn as f } from "./cjs.cjs"; import * as all from "./cjs.cjs"; import { sep } from "node:path"; import path from "path"; import { readFile } from "fs/promises";
export function run() { return [def.named, named, f(), Object.keys(all), sep === path.sep, typeof readFile]; }
export default class { static who() { return this.name; } }`,
  "mix/cjs.cjs": `"use strict"; const e = require("./leaf.mjs"); module.exports = { named: e.leaf, fn: () => Object.prototype.toString.call(e) + e.default.name, esm: e.__esModule };`,
  "mix/leaf.mjs": `export const leaf = "leaf"; export default () => 1;`,
  "mix/star.mjs": `export * from "./cjs.cjs"; export * from "./leaf.mjs"; export * as inner from "./leaf.mjs"; export { default } from "./leaf.mjs"; export { default as again, leaf as twice } from "./leaf.mjs";`,
  "mix/usestar.mjs": `import d, { named, leaf, inner, again, twice } from "./star.mjs"; import * as s from "./star.mjs"; export const run = () => [d.name, named, leaf, Object.keys(inner), again === d, twice, Object.keys(s)];`,
  "mix/cyc1.cjs": `exports.first = 1; const two = require("./cyc2.cjs"); exports.got = two.saw; exports.run = () => exports.got;`,
  "mix/cyc2.cjs": `exports.saw = Object.keys(require("./cyc1.cjs"));`,
  "bad/name.mjs": `import { nope } from "../late.ts"; export const f = () => nope;`,
  "bad/nocjs.mjs": `import { nope } from "../old.cjs"; export const f = () => nope;`,
  "bad/missing.mjs": `import "not-there"; export const f = 1;`,
  "bad/syntax.ts": `let a = 1;\nlet b: = 2;\nexport function f() {}`,
  "bad/throws.mjs": `globalThis.tries = (globalThis.tries ?? 0) + 1; export const f = () => 1; throw new Error("try " + globalThis.tries);`,
  "bad/throws.cjs": `globalThis.ctries = (globalThis.ctries ?? 0) + 1; if (globalThis.ctries < 2) throw new Error("first"); exports.f = () => globalThis.ctries;`,
  "use.ts": `import { exported, viaRequire } from "mapped"; import sub from "mapped/sub"; import esm from "esm-only"; import old from "cjs-only"; import inner from "#inner"; import { hundred } from "many";
export function run() { return [exported, viaRequire, sub, esm, old.kind, inner, hundred()]; }
export function optional() { try { return require("not-installed"); } catch (e) { return (e as { code: string }).code; } }
export function hiddenPart() { return require("mapped/secret"); }
export function addon() { return require("native"); }
`,
  "lib/inner.ts": `export default "inner" as string;`,
  "node_modules/mapped/package.json": `{ "name": "mapped", "exports": { ".": { "import": "./i.mjs", "require": "./r.cjs" }, "./sub": { "node": "./sub.js" } } }`,
  "node_modules/mapped/i.mjs": `import { createRequire } from "node:module"; const require = createRequire(import.meta.url); export const exported = "import"; export const viaRequire = require("mapped").kind;`,
  "node_modules/mapped/r.cjs": `exports.kind = "require";`,
  "node_modules/mapped/sub.js": `module.exports = "sub";`,
  "node_modules/mapped/secret.js": `module.exports = "secret";`,
  "node_modules/esm-only/package.json": `{ "name": "esm-only", "type": "module", "main": "main.js" }`,
  "node_modules/esm-only/main.js": `export default "esm-only"`,
  "node_modules/cjs-only/package.json": `{ "name": "cjs-only", "main": "lib" }`,
  "node_modules/cjs-only/lib/index.js": `Object.defineProperty(exports, "__esModule", { value: true }); exports.default = { kind: "cjs-only" };`,
  "node_modules/native/package.json": `{ "name": "native", "main": "index.js" }`,
  "node_modules/native/index.js": `module.exports = require("./build/native.node");`,
  "node_modules/native/build/native.node": "\x7fELF",
  "node_modules/many/package.json": `{ "name": "many" }`,
  "node_modules/many/index.js": `${Array.from({ length: 120 }, (_, i) => `const m${i} = require("./m/${i}");`).join("\n")}\nexports.hundred = () => m119 + m0;`,
  ...Object.fromEntries(
    Array.from({ length: 120 }, (_, i) => [
      `node_modules/many/m/${i}.js`,
      `module.exports = ${i};`,
    ]),
  ),
};

let dir = "";
beforeAll(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "econtext importer-")));
  for (const [file, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  }
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const interpreters = [
  ["bun", bun()],
  ...NODES.map((version) => [`node ${version}`, nodeOf(version)] as const),
] as const;
for (const [label, { path, missing }] of interpreters) {
  suite(`importer, ${label}`, missing, "node", () => {
    const far = (): FarImporter => new FarImporter(path, [dir]);
    const at = (file: string): string => join(dir, file);
    const resultOf = (told: Told): unknown => told.error ?? told.result;

    test("functions of a TypeScript program, exported or not", async () => {
      await using one = far();
      const call = async (path: string, ...args: unknown[]) =>
        resultOf(await one.call(`${at("main.ts")}:${path}`, args));
      expect(await call("add", 1, 2)).toBe(3);
      expect(await call("arrow", "x")).toBe("x2");
      expect(await call("Tool.times", 5)).toBe(15);
      expect(await call("default")).toBe("the default");
      expect(await call("state")).toBe(1);
      expect(await call("state")).toBe(2);
      expect(await call("colors")).toEqual([5, 42, ["Color", "fail"], 7]);
      expect(await call("bare")).toBe("old");
      expect(one.asked).toEqual([]);
      expect(await call("lateKnown")).toBe("late");
      expect(await call("late", "./late.ts")).toEqual(["default", "value"]);
      expect(await call("add.nope")).toMatchObject({ name: "TypeError" });
      expect(
        resultOf(await one.call([at("main.ts"), "async (n) => add(n, count) + Mode.Fast"], [1])),
      ).toBe(5);
      expect(resultOf(await one.call(["", "function (n) { return n + 1 }"], [1]))).toBe(2);
    });

    test("functions that are sent as text", async () => {
      await using one = far();
      const call = async (module: string, source: string, ...args: unknown[]) =>
        resultOf(
          await one.call([module && at(module), source.replaceAll("import", "__impt")], args),
        );
      expect(await call("main.ts", "async (n) => add(n, count) + Mode.Fast", 1)).toBe(3);
      expect(await call("main.ts", '() => import("./late.ts").then((m) => m.value)')).toBe("late");
      expect(await call("old.cjs", '() => require("./lib/inner.ts").default')).toBe("inner");
      expect(await call("", "function (n) { return n + 1 }", 1)).toBe(2);
      expect(await call("", 'async () => (await import("node:path")).sep')).toBe("/");
      expect(await call("", '() => require("path").sep + typeof import.meta')).toBe("/object");
      expect(await call("", '() => import("./late.ts")')).toMatchObject({
        code: "ERR_MODULE_NOT_FOUND",
        message: "Cannot find module './late.ts' imported from a function of no module",
      });
      expect(await call("", "1")).toMatchObject({ message: "what was sent is not a function" });
    });

    test("import.meta is of the master's file, and never main", async () => {
      await using one = far();
      const { result } = await one.call(`${at("main.ts")}:meta`);
      expect(result).toMatchObject({
        url: Bun.pathToFileURL(at("main.ts")).href,
        filename: at("main.ts"),
        dirname: dir,
        main: false,
        resolved: Bun.pathToFileURL(at("helper.ts")).href,
      });
    });

    test("stacks name the user's own lines and columns", async () => {
      await using one = far();
      const { error } = await one.call(`${at("main.ts")}:boom`);
      expect(error).toMatchObject({ name: "RangeError", message: "bad 1" });
      // Columns: engines differ in what they point at.
      expect(error?.stack).toMatch(new RegExp(`fail \\(${at("helper.ts")}:7:(?:32|36|46)\\)`));
      expect(error?.stack).toMatch(new RegExp(`boom \\(${at("main.ts")}:17:(?:25|29)\\)`));
      expect(error?.stack).not.toContain("master:");
    });

    test("ES modules: cycles, live bindings, namespaces", async () => {
      await using one = far();
      const call = async (path: string) => one.call(`${at(path)}`);
      expect(await call("cycle/a.mjs:seen")).toMatchObject({
        result: ["a1", "bfa"],
        wasSync: true,
      });
      expect(resultOf(await call("cycle/a.mjs:bump"))).toBe("a2");
      expect(resultOf(await call("live/use.mjs:run"))).toEqual([
        [0, null, 2, 10, 2, 2, 2, 2, 8, 8, 2],
        ["any name", "default", "inc", "list", "m", "n", "renamed", "set", "shadow", "y"],
        "[object Module]",
        null,
      ]);
      expect(resultOf(await call("live/use.mjs:assign"))).toMatchObject({ name: "TypeError" });
    });

    test("await at the top level", async () => {
      await using one = far();
      expect(await one.call(`${at("tla/top.mts")}:fn`)).toMatchObject({
        result: "yes",
        wasSync: false,
      });
      expect(resultOf(await one.call(["", "() => [order, tla]"]))).toEqual(["yes", 1]);
      await using two = far();
      expect(resultOf(await two.call(`${at("tla/req.cjs")}:go`))).toBe("ERR_REQUIRE_ASYNC_MODULE");
    });

    test("CommonJS and ES modules import one another", async () => {
      await using one = far();
      const call = async (path: string) => resultOf(await one.call(at(path)));
      expect(await call("mix/esm.mjs:run")).toEqual([
        "leaf",
        "leaf",
        "[object Module]default",
        ["default", "esm", "fn", "named"],
        true,
        "function",
      ]);
      expect(await call("mix/esm.mjs:default.who")).toBe("default");
      expect(await call("mix/usestar.mjs:run")).toEqual([
        "default",
        "leaf",
        "leaf",
        ["default", "leaf"],
        true,
        "leaf",
        ["again", "default", "esm", "fn", "inner", "leaf", "named", "twice"],
      ]);
      expect(await call("mix/cyc1.cjs:run")).toEqual(["first"]);
      expect(await call("old.cjs:hidden")).toBe(4);
      expect(resultOf(await one.call([at("old.cjs"), "() => exports.here"]))).toEqual([
        at("old.cjs"),
        dir,
        "function",
        true,
      ]);
    });

    test("what only running code asks for", async () => {
      await using one = far();
      const call = async (path: string, ...args: unknown[]) =>
        resultOf(await one.call(`${at("old.cjs")}:${path}`, args));
      expect(await call("dyn", "./config.json")).toEqual({ answer: 42 });
      expect(await call("res", "cjs-only")).toBe(at("node_modules/cjs-only/lib/index.js"));
      expect(await call("res", "node:fs")).toBe("node:fs");
      expect(await call("imp", "./lib/inner")).toEqual({ default: "inner" });
      expect(one.asked).toEqual([
        [at("old.cjs"), "./config.json", "require"],
        [at("old.cjs"), "cjs-only", "require"],
        [at("old.cjs"), "./lib/inner", "import"],
      ]);
      expect(await call("dyn", "./gone")).toMatchObject({ code: "MODULE_NOT_FOUND" });
      expect(await call("imp", "./gone")).toMatchObject({
        code: "ERR_MODULE_NOT_FOUND",
        message: `Cannot find module './gone' imported from ${at("old.cjs")}`,
      });
      // What the master does not have may be a file of the far side's own.
      expect(await call("dyn", "/no/such/file.cjs")).toMatchObject({ code: "MODULE_NOT_FOUND" });
      expect(await call("dyn", join(import.meta.dir, "../../package.json"))).toMatchObject({
        name: "econtext",
      });
    });

    test("packages: exports, imports, both kinds, a hundred modules, all in one burst", async () => {
      await using one = far();
      const call = async (path: string) => resultOf(await one.call(`${at("use.ts")}:${path}`));
      expect(await call("run")).toEqual([
        "import",
        "require",
        "sub",
        "esm-only",
        "cjs-only",
        "inner",
        119,
      ]);
      expect(await call("optional")).toBe("MODULE_NOT_FOUND");
      expect(await call("hiddenPart")).toMatchObject({ code: "MODULE_NOT_FOUND" });
      expect(await call("addon")).toMatchObject({
        message: `the package native needs a native addon, which is sent by --unpack native alone: ${at("node_modules/native/build/native.node")} is one, imported from ${at("node_modules/native/index.js")}`,
      });
      expect(one.asked).toEqual([]);
    });

    test("without an offer, modules are asked for", async () => {
      await using one = far();
      expect(await one.call(`${at("main.ts")}:add`, [2, 2], false)).toMatchObject({
        result: 4,
        wasSync: false,
      });
      expect(one.asked).toEqual([at("main.ts")]);
    });

    test("what is wrong with a module is told by who imports it", async () => {
      await using one = far();
      const call = async (path: string) => resultOf(await one.call(`${at("bad")}/${path}:f`));
      expect(await call("name.mjs")).toMatchObject({
        name: "SyntaxError",
        message: `The requested module '../late.ts' does not provide an export named 'nope' (imported by ${at("bad/name.mjs")})`,
      });
      expect(await call("nocjs.mjs")).toMatchObject({ name: "SyntaxError" });
      expect(await call("missing.mjs")).toMatchObject({
        code: "ERR_MODULE_NOT_FOUND",
        message: `Cannot find package 'not-there' imported from ${at("bad/missing.mjs")}`,
      });
      expect(await call("syntax.ts")).toMatchObject({
        message: `${at("bad/syntax.ts")}:2:8: Unexpected token`,
      });
      expect(await call("throws.mjs")).toMatchObject({ message: "try 1" });
      expect(await call("throws.mjs")).toMatchObject({ message: "try 1" });
      expect(await call("throws.cjs")).toMatchObject({ message: "first" });
      expect(await call("throws.cjs")).toBe(2);
    });
  });
}
