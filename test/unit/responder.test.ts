/** What the responder answers, what it sends along, and what it refuses. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ProtocolError } from "../../src/errors.ts";
import { PythonFinder } from "../../src/modules/python/finder.ts";
import { PythonResponder } from "../../src/modules/python/responder.ts";
import type { ModuleMessage } from "../../src/modules/responder.ts";
import { HANDLES } from "../../src/protocol/handles.ts";
import { decodeValue, encodeValue } from "../../src/protocol/value.ts";
import { offeredRecords, plain, recordsOf } from "../helpers/module-messages.ts";

/** Modules that nothing imports by name. */
const ROW = Array.from({ length: 40 }, (_, i) => `m${String(i).padStart(2, "0")}`);
let dir = "";
const FILES: Readonly<Record<string, string>> = {
  "app/__init__.py": "",
  "app/main.py": "import os, json\nfrom app import tools\nfrom . import deep\nimport late.gone\n",
  "app/tools.py": "import app.main\n",
  "app/deep/__init__.py": "from .leaf import x\n",
  "app/deep/leaf.py": "x = 1\n",
  "app/alone.py": "name = 'app.' + 'hidden'\n",
  "app/hidden.py": "",
  "app/data.txt": "data",
  "app/bad.py": "x = '\xff'\n",
  "spread/one.py": "",
  ...Object.fromEntries(ROW.map((name) => [`row/${name}.py`, "x = 'one of many'\n"])),
  "row/__init__.py": "",
  "row/large.py": `x = '${"x".repeat(70_000)}'\n`,
  "spread/data.txt": "data",
};

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "econtext-responder-"));
  for (const [file, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), Buffer.from(text, "latin1"));
  }
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const responder = (): PythonResponder => new PythonResponder(new PythonFinder([dir]));
const ask = (to: PythonResponder, request: unknown): unknown =>
  decodeValue(plain(to.answer(Buffer.concat(encodeValue(request).chunks))));
const namesOf = (records: unknown): string[] => (records as [string][]).map(([name]) => name);
const offered = (to: PythonResponder, ...names: string[]): string[] =>
  namesOf(offeredRecords(to.offer(names, [])));
const ours = (name: string): boolean => name === "" || name.startsWith("econtext.");

test("a call's module comes with all that it imports, once", () => {
  const one = responder();
  const names = offered(one, "app", "app.main");
  const wanted = ["app", "app.main", "app.tools", "app.deep", "app.deep.leaf"];
  expect(names.filter((name) => !ours(name)).sort()).toEqual(wanted.sort());
  // The importer that serves them, and the names at the top.
  expect(names).toContain("econtext.importer");
  expect(names).toContain("");
  expect(offered(one, "app", "app.main")).toEqual([]);
  expect(offered(one, "app.tools")).toEqual([]);
  expect(offered(one, "app.alone")).toEqual(["app.alone"]);
});

test("what the roots do not have is not offered, and brings nothing along", () => {
  expect(offered(responder(), "os", "os.path", "..", "", "econtext.importer")).toEqual([]);
});

test("a call's own needs come alone", () => {
  const one = responder();
  expect(namesOf(offeredRecords(one.offer(["os"], ["values"])))).toEqual(["econtext.values"]);
  expect(one.offer(["os"], ["values"])).toEqual([]);
});

test("what a function of econtext's own begins with comes ahead of the rest", () => {
  const [first, rest, ...others] = responder().offer([], ["commands", "channels"]);
  expect(others).toEqual([]);
  const names = first === undefined ? [] : namesOf(recordsOf(first)).sort();
  const begins = ["command_early", "command_process", "commands", "environment"];
  expect(names).toEqual(begins.map((name) => `econtext.${name}`));
  const later = rest === undefined ? [] : namesOf(recordsOf(rest));
  expect(later).toContain("econtext.channels");
  expect(later).toContain("econtext.command_loop");
  expect(later.filter((name) => names.includes(name))).toEqual([]);
});

test("an answer has the asked one first, then what it imports, then the names at the top", () => {
  const records = ask(responder(), "app.deep") as unknown[][];
  expect(namesOf(records)).toEqual(["app.deep", "app", "app.deep.leaf", ""]);
  const path = join(dir, "app/deep/__init__.py");
  expect(records[0]).toEqual(["app.deep", path, true, ["leaf"], "from .leaf import x\n"]);
  expect(records.at(-1)).toEqual(["", [realpathSync(dir)], true, ["app", "row", "spread"], ""]);
});

test("what was sent is sent again when it is asked for", () => {
  const one = responder();
  ask(one, "app.hidden");
  expect(namesOf(ask(one, "app.hidden"))).toEqual(["app.hidden"]);
});

test("what does not exist is said so, by whatever name", () => {
  for (const name of [
    "nothing",
    "app.nothing",
    "..app",
    "/etc/passwd",
    "a\0b",
    "econtext.nothing",
  ]) {
    const records = ask(responder(), name) as unknown[][];
    expect(records[0]).toEqual([name]);
  }
});

test("source that is not UTF-8 is sent as it is", () => {
  const one = responder();
  expect(offered(one, "app", "app.bad")).toContain("app.bad");
  const [record] = ask(one, "app.bad") as unknown[][];
  // As it is: Python says what is wrong with it.
  expect(record?.[4]).toEqual(["x = '\xff'\n"]);
});

test("package data, of packages that were sent", () => {
  const one = responder();
  expect(ask(one, ["app", "data.txt"])).toBeNull();
  ask(one, "app");
  expect(ask(one, ["app", "data.txt"])).toEqual(new TextEncoder().encode("data"));
  expect(ask(one, ["app", "deep/"])).toEqual(["__init__.py", "leaf.py"]);
  expect(ask(one, ["app", ""])).toContain("deep/");
  expect(ask(one, ["app", "nothing"])).toBeNull();
  expect(ask(one, ["app", "../spread/data.txt"])).toBeNull();
  expect(ask(one, ["app", join(dir, "app/data.txt")])).toBeNull();
  ask(one, "spread");
  expect(ask(one, ["spread", "data.txt"])).toBeNull();
  expect(ask(one, ["econtext.importer", "data.txt"])).toBeNull();
});

test("what is no request ends the stream", () => {
  for (const request of [null, 1, {}, [], ["app"], ["app", 1], [1, "x"], ["app", "x", "y"]]) {
    expect(() => ask(responder(), request)).toThrow(ProtocolError);
  }
});

test("each further request for a module of a package brings more of its neighbours", () => {
  const one = responder();
  offered(one, "row");
  const has = new Set<string>();
  const perAnswer: number[] = [];
  for (const name of ROW) {
    if (has.has(name)) continue;
    const names = namesOf(ask(one, `row.${name}`)).filter((name) => !ours(name));
    expect(names[0]).toBe(`row.${name}`);
    perAnswer.push(names.length);
    for (const name of names) has.add(name.slice("row.".length));
  }
  expect(perAnswer).toEqual([1, 3, 9, 27]);
  // It is larger than all that was asked for.
  expect(has.has("large")).toBe(false);
});

test("one module of each package, or one that does not exist, brings no neighbours", () => {
  const one = responder();
  for (const [name, along] of [
    ["row.m07", ["row"]],
    ["app.hidden", ["app"]],
    ["row.nothing", []],
    ["nothing.at.all", []],
  ] as const) {
    const names = namesOf(ask(one, name)).filter((name) => !ours(name));
    expect(names).toEqual([name, ...along]);
  }
});

test("a slave that waits is told to get ready once, before files are read", () => {
  const finder = new PythonFinder([dir]);
  const one = new PythonResponder(finder);
  expect(one.prepare(["os", "nothing.there"])).toEqual([]);
  const [first, second, ...more] = one.prepare(["app.main"]);
  expect([first?.handle, second?.handle, ...more]).toEqual([
    HANDLES.LOAD_MODULE,
    HANDLES.CALL_FUNCTION,
  ]);
  const names = namesOf(recordsOf(first as ModuleMessage));
  expect(names).toContain("econtext.importer");
  expect(names.every(ours)).toBe(true);
  const call = decodeValue(plain(second as ModuleMessage));
  expect(call).toEqual(["econtext.importer:prepare", ["app"]]);
  // The records follow without what has gone ahead.
  expect(offered(one, "app.main").some(ours)).toBe(false);
  expect(one.prepare(["app.alone"])).toEqual([]);
  // Another context of the same master: nothing is left to read.
  expect(new PythonResponder(finder).prepare(["app.main"])).toEqual([]);
});
