/** Where a specifier leads, what is found there, and what is never served. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { type FoundScript, JavaScriptFinder } from "../../src/modules/javascript/finder.ts";
import type { RequestKind } from "../../src/modules/javascript/resolve.ts";
import { textOf as unpacked } from "../helpers/module-messages.ts";

let base = "";
let dir = "";
const FILES: Readonly<Record<string, string>> = {
  "secret.js": "",
  "app/package.json": `{ "name": "app", "type": "module", "exports": { ".": "./main.ts", "./x": "./src/x.ts" }, "imports": { "#dep": { "node": "dep", "default": "./no.js" }, "#own/*": "./src/*.ts" } }`,
  "app/main.ts": "export {}",
  "app/src/x.ts": "",
  "app/src/y.tsx": "",
  "app/src/plain.js": "",
  "app/src/folder/index.ts": "",
  "app/src/m.mts": "",
  "app/.env": "SECRET=1",
  "app/notes.txt": "notes",
  "app/script": "export const n: number = 1",
  "app/tasks.py": "def f(): pass",
  "app/broken.json": "{",
  "app/node_modules/dep/package.json": `{ "name": "dep", "exports": { ".": { "types": "./t.d.ts", "bun": "./bun.js", "import": "./i.mjs", "require": "./r.cjs" }, "./sub/*": "./lib/*.js", "./up": "./../../../../secret.js", "./only": { "browser": "./b.js" } } }`,
  "app/node_modules/dep/i.mjs": "",
  "app/node_modules/dep/r.cjs": "",
  "app/node_modules/dep/bun.js": "",
  "app/node_modules/dep/lib/a.js": "",
  "app/node_modules/old/package.json": `{ "name": "old", "main": "./lib/main" }`,
  "app/node_modules/old/lib/main.js": `require("./part"); require("fs"); require("missing")`,
  "app/node_modules/old/lib/part.js": "",
  "app/node_modules/old/lib/typed.ts": "",
  "app/node_modules/@s/c/index.js": "",
  "app/node_modules/file.js": "",
  "app/node_modules/addon/package.json": `{ "name": "addon" }`,
  "app/node_modules/addon/index.js": `module.exports = require("node-gyp-build")(__dirname);`,
  "app/node_modules/addon/build/x.node": "",
  "other/index.js": "",
  "other/package.json": `{ "name": "linked" }`,
};

beforeAll(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "econtext-javascript-")));
  dir = join(base, "app");
  for (const [file, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(base, file)), { recursive: true });
    writeFileSync(join(base, file), text);
  }
  symlinkSync(join(base, "secret.js"), join(dir, "link.js"));
  symlinkSync(join(dir, "src/x.ts"), join(dir, "inner.ts"));
  symlinkSync(join(base, "other"), join(dir, "node_modules/linked"));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

const textOf = (found: FoundScript | undefined): string | undefined =>
  found && unpacked(found.source);
const finder = (): JavaScriptFinder => new JavaScriptFinder([dir]);
const led = (specifier: string, parent = "main.ts", kind: RequestKind = "import"): string => {
  const found = finder().resolve(specifier, join(dir, parent), kind);
  return found.startsWith("/") ? relative(dir, found) : found;
};

test("relative specifiers, as Node and TypeScript read them", () => {
  const cases: [string, string][] = [
    ["./src/x.ts", "src/x.ts"],
    ["./src/x", "src/x.ts"],
    ["./src/x.js", "src/x.ts"],
    ["./src/y.js", "src/y.tsx"],
    ["./src/m.mjs", "src/m.mts"],
    ["./src/plain", "src/plain.js"],
    ["./src/folder", "src/folder/index.ts"],
    ["./src/folder/", "src/folder/index.ts"],
    ["./src/x.ts?v=1", "src/x.ts"],
    ["./inner.ts", "src/x.ts"],
    ["./src/x/", ""],
    ["./src/gone", ""],
    ["./src/x\0", ""],
  ];
  for (const [specifier, file] of cases) expect(led(specifier), specifier).toBe(file);
  expect(led(`file://${dir}/src/x.ts`)).toBe("src/x.ts");
  expect(led("../x.js", "src/folder/index.ts")).toBe("src/x.ts");
});

test("packages: exports by condition, patterns, imports, self, main, scopes", () => {
  expect(led("dep")).toBe("node_modules/dep/i.mjs");
  expect(led("dep", "main.ts", "require")).toBe("node_modules/dep/r.cjs");
  expect(led("dep/sub/a")).toBe("node_modules/dep/lib/a.js");
  expect(led("dep/lib/a.js")).toBe("");
  expect(led("dep/only")).toBe("");
  expect(led("dep/up")).toBe("");
  expect(led("#dep", "src/x.ts")).toBe("node_modules/dep/i.mjs");
  expect(led("#own/x")).toBe("src/x.ts");
  expect(led("#none")).toBe("");
  expect(led("app/x", "src/folder/index.ts")).toBe("src/x.ts");
  expect(led("app/y")).toBe("");
  expect(led("old", "src/folder/index.ts")).toBe("node_modules/old/lib/main.js");
  expect(led("old/lib/part", "main.ts", "require")).toBe("node_modules/old/lib/part.js");
  expect(led("old/lib/typed.js", "main.ts", "require")).toBe("");
  expect(led("@s/c")).toBe("node_modules/@s/c/index.js");
  expect(led("@s")).toBe("");
  expect(led("nowhere")).toBe("");
});

test("builtins are the far side's own", () => {
  const cases: [string, string][] = [
    ["fs", "node:fs"],
    ["fs/promises", "node:fs/promises"],
    ["node:test", "node:test"],
    ["bun", "bun"],
    ["bun:sqlite", "bun:sqlite"],
    ["econtext", "econtext"],
    ["ws", ""],
    ["undici", ""],
  ];
  for (const [specifier, name] of cases) expect(led(specifier), specifier).toBe(name);
});

test("what is found, with where its specifiers lead", () => {
  const one = finder();
  const old = one.find(join(dir, "node_modules/old/lib/main.js"));
  expect(old).toMatchObject({
    format: "cjs",
    dependencies: {
      "./part": join(dir, "node_modules/old/lib/part.js"),
      fs: "node:fs",
      missing: "",
    },
    follows: [join(dir, "node_modules/old/lib/part.js")],
  });
  expect(old?.hash).toMatch(/^[0-9a-f]{16}$/);
  expect(one.find(join(dir, "main.ts"))?.format).toBe("esm+scope");
  expect(one.find(join(dir, "broken.json"))).toMatchObject({ format: "json" });
  expect(textOf(one.find(join(dir, "broken.json")))).toBe("{");
  expect(one.find(join(dir, "tasks.py"))?.format).toBe("cjs");
});

test("a file of any ending is served only where the program itself names it", () => {
  const one = finder();
  expect(one.find(join(dir, ".env"))).toBeUndefined();
  expect(finder().find(join(dir, "script"))).toBeUndefined();
  one.allow(join(dir, "script"));
  expect(one.find(join(dir, "script"))?.format).toBe("esm+scope");
});

test("nothing outside of the roots, nor through a link, nor by another name", () => {
  const one = finder();
  const refused = (path: string) => one.find(path)?.format ?? "none";
  expect(refused(join(base, "secret.js"))).toBe("error");
  expect(refused("/etc/passwd")).toBe("error");
  expect(textOf(one.find("/no/such/file.js"))).toBe(
    "/no/such/file.js is outside of the folders that the far side may have",
  );
  for (const path of [
    `${dir}/../secret.js`,
    `${dir}/src/../main.ts`,
    `${dir}/link.js`,
    `${dir}/inner.ts`,
    `${dir}/main.ts\0`,
    "main.ts",
    "",
    dir,
  ]) {
    expect(refused(path), path).toBe("none");
  }
  expect(led("./link.js")).toBe("../secret.js");
  expect(led("../secret.js")).toBe("../secret.js");
  // Whether there is something outside is not told either.
  expect(led("../not-there.js")).toBe("../not-there.js");
  expect(led("linked")).toBe("../other");
  expect(one.find(join(base, "other"))?.format).toBe("error");
});

test("native addons are refused by name, the module that loads one is sent: it may do without", () => {
  const one = finder();
  const found = one.find(join(dir, "node_modules/addon/build/x.node"));
  expect(found).toMatchObject({ format: "error", hash: "" });
  expect(textOf(found)).toMatch(
    /^the package addon needs a native addon, which is sent by --unpack addon alone: .*addon\/build\/x\.node is one$/,
  );
  expect(one.find(join(dir, "node_modules/addon/index.js"))).toMatchObject({ format: "cjs" });
});

test("positions in files that were not sent stay as they are", () => {
  const one = finder();
  const text = "at f (/a b/(c):1/x.ts:10:3)\n at file:///x.js:7\n at g (node:fs:1:2)\n master: no";
  expect(one.mapStack(text)).toBe(text);
});

test("positions of modules are told by path, whether a frame has that or its URL", () => {
  const file = join(dir, "node_modules/old/lib/main.js");
  const one = finder();
  one.find(file);
  const own = (text: string) => one.mapStack(text).replaceAll(file, "FILE");
  expect(own(`E: GET /b failed at (${file}:1:1)\n    at f (file://${file}:1:1)`)).toBe(
    "E: GET /b failed at (FILE:1:1)\n    at f (FILE:1:1)",
  );
});
