import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Aliases } from "../../src/modules/tsconfig.ts";

let base = "";

beforeAll(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "econtext-tsconfig-")));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

function put(path: string, json: string): void {
  mkdirSync(dirname(join(base, path)), { recursive: true });
  writeFileSync(join(base, path), json);
}

/** Paths below the temporary folder. */
function candidates(specifier: string, parent: string): string[] {
  return new Aliases()
    .candidates(specifier, join(base, parent))
    .map((path) => path.slice(base.length + 1));
}

test("an exact name, then the longest beginning; comments and commas", () => {
  put(
    "one/tsconfig.json",
    `{ // as TypeScript has it
      "compilerOptions": { "paths": {
        "@lib/*": ["./src/lib/*", "./other/*"], "@lib/deep/*.js": ["./deep/*.ts"],
        "@lib/text": ["./text.ts"], "#own": ["./own.ts"], "*": ["./any/*"], /* the last */
      }, },
    }`,
  );
  expect(candidates("@lib/x", "one/src/main.ts")).toEqual(["one/src/lib/x", "one/other/x"]);
  expect(candidates("@lib/deep/a.js", "one/main.ts")).toEqual(["one/deep/a.ts"]);
  expect(candidates("@lib/text", "one/main.ts")).toEqual(["one/text.ts"]);
  expect(candidates("#own", "one/main.ts")).toEqual(["one/own.ts"]);
  expect(candidates("lodash", "one/main.ts")).toEqual(["one/any/lodash"]);
  expect(candidates("@lib/x", "one/node_modules/p/index.js")).toEqual([]);
  expect(candidates("@lib/$&", "one/main.ts")).toEqual(["one/src/lib/$&", "one/other/$&"]);
});

test("baseUrl, and what one configuration has from others", () => {
  put("two/base/a.json", '{"compilerOptions":{"baseUrl":"..","paths":{"~/*":["app/*"]}}}');
  const own = '{"compilerOptions":{"paths":{"%/*":["DIR/own/*"]}}}';
  put(
    "two/base/b.json",
    own.replace("DIR", () => "$" + "{configDir}"),
  );
  put("two/tsconfig.json", '{"extends":"./base/a"}');
  expect(candidates("~/x", "two/app/main.ts")).toEqual(["two/app/x", "two/~/x"]);
  put("two/app/tsconfig.json", '{"extends":["../base/a.json","../base/b"]}');
  expect(candidates("%/x", "two/app/main.ts")).toEqual(["two/app/own/x", "two/%/x"]);
  expect(candidates("~/x", "two/app/main.ts")).toEqual(["two/~/x"]);
  put("three/node_modules/@acme/config/tsconfig.json", '{"compilerOptions":{"baseUrl":"src"}}');
  put("three/jsconfig.json", '{"extends":"@acme/config"}');
  expect(candidates("x", "three/a/b.js")).toEqual(["three/node_modules/@acme/config/src/x"]);
});

test("what makes no sense says nothing", () => {
  put(
    "four/tsconfig.json",
    '{"extends":["./tsconfig.json","./none",7],"compilerOptions":{"paths":[1]}}',
  );
  expect(candidates("x", "four/main.ts")).toEqual([]);
  put("five/tsconfig.json", "{");
  expect(candidates("x", "five/main.ts")).toEqual([]);
  put("six/tsconfig.json", '{"compilerOptions":{"paths":{"a":7,"b":["./b",8]}}}');
  expect([candidates("a", "six/m.ts"), candidates("b", "six/m.ts")]).toEqual([[], ["six/b"]]);
});
