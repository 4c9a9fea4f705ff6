/** What the JavaScript responder answers, what it sends along, and what it refuses. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ProtocolError } from "../../src/errors.ts";
import { JavaScriptFinder } from "../../src/modules/javascript/finder.ts";
import { JavaScriptResponder } from "../../src/modules/javascript/responder.ts";
import { encodeValue } from "../../src/protocol/value.ts";
import { offeredRecords, recordsOf } from "../helpers/module-messages.ts";

let dir = "";
const FILES: Readonly<Record<string, string>> = {
  "main.ts": `import "./a"; import "./b.ts"; import "node:fs"; import("./late.ts");`,
  "a.ts": `import "./c.ts"; export {};`,
  "b.ts": `import "./main.ts"; import "./gone.ts"; export {};`,
  "c.ts": "export {}",
  "late.ts": `import "./c.ts"; export {};`,
  "alone.ts": "export {}",
};
const TIER = { importer: "i", linker: "l", console: "o", values: "v", external: "x" };

beforeAll(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "econtext-responder-")));
  for (const [file, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  }
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const at = (file: string): string => join(dir, file);
const responder = () => new JavaScriptResponder(new JavaScriptFinder([dir]), { tier2: TIER });
const ask = (to: JavaScriptResponder, request: unknown): unknown[][] =>
  recordsOf(to.answer(Buffer.concat(encodeValue(request).chunks)));
const names = (records: unknown): string[] =>
  (records as string[][]).map(([name = ""]) => name.replace(`${dir}/`, ""));
const offered = (to: JavaScriptResponder, modules: string[], needs: string[] = []): string[] =>
  names(offeredRecords(to.offer(modules.map(at), needs)));

test("a call's module comes with all that it imports, breadth first, once", () => {
  const one = responder();
  const own = ["econtext.linker", "econtext.importer", "econtext.console", "econtext.values"];
  // One of them imports node:fs: it gets one that knows where the roots are.
  const all = [...own, "econtext.roots", "main.ts", "a.ts", "b.ts", "c.ts"];
  expect(offered(one, ["main.ts"])).toEqual(all);
  expect(offered(one, ["main.ts"])).toEqual([]);
  expect(offered(one, ["a.ts"], ["external", "values"])).toEqual(["econtext.external"]);
  expect(offered(one, ["late.ts"])).toEqual(["late.ts"]);
  expect(offered(one, [], ["none"])).toEqual([]);
});

test("asked by name: the module first, and what it needs; again, it alone", () => {
  const one = responder();
  expect(names(ask(one, at("a.ts")))).toEqual(["a.ts", "c.ts"]);
  expect(names(ask(one, at("a.ts")))).toEqual(["a.ts"]);
  expect(ask(one, at("gone.ts"))).toEqual([[at("gone.ts")]]);
  expect(ask(one, "econtext.values")).toEqual([["econtext.values", "", "tier", {}, "v"]]);
  expect(ask(one, "econtext.none")).toEqual([["econtext.none"]]);
  expect(ask(one, "econtext.__proto__")).toEqual([["econtext.__proto__"]]);
  expect(ask(one, `/${"x".repeat(5000)}`)[0]).toHaveLength(1);
  expect(ask(one, "/etc/passwd")).toEqual([
    [
      "/etc/passwd",
      "",
      "error",
      {},
      "/etc/passwd is outside of the folders that the far side may have",
    ],
  ]);
});

test("only who has a module may ask where its specifiers lead", () => {
  const one = responder();
  expect(ask(one, [at("main.ts"), "./alone", "import"])).toEqual([["./alone"]]);
  offered(one, ["main.ts"]);
  expect(names(ask(one, [at("main.ts"), "./alone", "import"]))).toEqual(["alone.ts"]);
  expect(ask(one, [at("main.ts"), "os", "require"])).toEqual([["node:os", "", "builtin", {}, ""]]);
  expect(ask(one, [at("main.ts"), "./gone", "require"])).toEqual([["./gone"]]);
  expect(ask(one, [at("main.ts"), "x".repeat(5000), "require"])).toHaveLength(1);
});

test("what is no request is an error of the protocol", () => {
  for (const request of [null, 1, [], ["a"], ["a", "b", "c"], [1, "b", "import"], {}]) {
    expect(() => ask(responder(), request)).toThrow(ProtocolError);
  }
});
