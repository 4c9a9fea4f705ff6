/**
 * What modules become is made once for each content, kept between runs, and believed only where
 * no other account can write.
 */
import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { JavaScriptFinder } from "../../src/modules/javascript/finder.ts";
import * as transforming from "../../src/modules/javascript/transform.ts";
import { join as joined, pack } from "../../src/modules/packed.ts";
import { type CachedModule, TransformCache } from "../../src/modules/transform-cache.ts";
import { textOf } from "../helpers/module-messages.ts";

let dir = "";
let root = "";
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "econtext-transform-cache-")));
  root = join(dir, "cache");
  mkdirSync(join(dir, "app"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const folderOf = (): string => join(root, readdirSync(root)[0] ?? "");
const kept = (): string[] => readdirSync(folderOf()).filter((name) => name !== "swept");
const MADE: CachedModule = { format: "cjs", requests: [], hash: "0", source: pack("a text") };

test("pieces that were compressed apart make one stream", () => {
  const texts = ["", "a", "zwei ☃", "x".repeat(300_000), JSON.stringify({ b: "\n" })];
  const pieces = texts.map((text) => pack(text));
  expect(inflateSync(joined(pieces)).toString()).toBe(texts.join(""));
  expect(pieces.map(textOf)).toEqual(texts);
});

test("a second finder transforms nothing; a change is seen; positions are found all the same", () => {
  const file = join(dir, "app/main.ts");
  writeFileSync(
    file,
    "const a: number = 1; export function f(): void { throw new Error(String(a)); }",
  );
  const transform = spyOn(transforming, "transform");
  try {
    const find = () => new JavaScriptFinder([join(dir, "app")], new TransformCache(root));
    const first = find().find(file);
    const second = find();
    const again = second.find(file);
    expect(transform).toHaveBeenCalledTimes(1);
    expect(again).toEqual(first);
    // Columns of what was sent are not those of the file: it is transformed again to tell.
    const sent = textOf(again?.source ?? pack(""));
    const column = sent.indexOf("throw") + 1;
    expect(second.mapStack(`E\n    at f (${file}:1:${column})`)).toBe(`E\n    at f (${file}:1:50)`);
    writeFileSync(file, "export const other = 2;");
    expect(find().find(file)?.hash).not.toBe(first?.hash);
    // If the file has changed, its positions are shown as they came.
    const text = `E\n    at f (${file}:1:${column})`;
    const third = new JavaScriptFinder([join(dir, "app")], new TransformCache(root));
    third.find(file);
    writeFileSync(file, "changed");
    expect(third.mapStack(text)).toBe(text);
  } finally {
    transform.mockRestore();
  }
});

test("what it depends on is part of the key: ending, kind of package, scope", () => {
  const bytes = Buffer.from("x");
  const keys = [
    TransformCache.key(".js", "", "true", bytes),
    TransformCache.key(".ts", "", "true", bytes),
    TransformCache.key(".js", "module", "true", bytes),
    TransformCache.key(".js", "", "false", bytes),
    TransformCache.key(".jsm", "odule", "true", bytes),
  ];
  expect(new Set(keys).size).toBe(keys.length);
});

test("entries are for the user alone; a broken one is made anew", () => {
  const cache = new TransformCache(root);
  cache.put("key", MADE);
  expect(new TransformCache(root).get("key")).toEqual(MADE);
  expect(statSync(folderOf()).mode & 0o777).toBe(0o700);
  const file = join(folderOf(), "key");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const whole = readFileSync(file);
  const turned = (at: number) => whole.map((byte, index) => (index === at ? byte ^ 1 : byte));
  const damaged = Array.from(whole, (_, at) => turned(at));
  for (const broken of [
    ...damaged,
    whole.subarray(0, -1),
    Buffer.from("{}"),
    Buffer.from("{}\n"),
    Buffer.alloc(0),
  ]) {
    writeFileSync(file, broken);
    expect(new TransformCache(root).get("key")).toBeUndefined();
  }
});

test("a folder that others may write to is not used", () => {
  new TransformCache(root).put("key", MADE);
  chmodSync(folderOf(), 0o770);
  const cache = new TransformCache(root);
  expect(cache.get("key")).toBeUndefined();
  cache.put("other", MADE);
  expect(kept()).toEqual(["key"]);
});

test("a home folder that does not exist is not made", () => {
  const before = { ...process.env };
  Object.assign(process.env, { HOME: join(dir, "absent"), XDG_CACHE_HOME: "" });
  try {
    new TransformCache().put("key", MADE);
  } finally {
    Object.assign(process.env, { XDG_CACHE_HOME: "", ...before });
  }
  expect(existsSync(join(dir, "absent"))).toBe(false);
});

test("a folder above that others may write to, or a link in its place, is not used", () => {
  new TransformCache(root).put("key", MADE);
  chmodSync(root, 0o777);
  expect(new TransformCache(root).get("key")).toBeUndefined();
  chmodSync(root, 0o700);
  expect(new TransformCache(root).get("key")).toEqual(MADE);
  const link = join(dir, "link");
  symlinkSync(root, link);
  const cache = new TransformCache(link);
  expect(cache.get("key")).toBeUndefined();
  cache.put("other", MADE);
  expect(kept()).toEqual(["key"]);
});

test("a folder that another account makes meanwhile is not used", () => {
  const cache = new TransformCache(root);
  new TransformCache(root).put("key", MADE);
  chmodSync(root, 0o777);
  expect(cache.get("key")).toBeUndefined();
  cache.put("other", MADE);
  expect(cache.get("key")).toBeUndefined();
  expect(kept()).toEqual(["key"]);
});

test("where nothing can be written, nothing is kept, and nothing fails", () => {
  writeFileSync(root, "a file in its place");
  const cache = new TransformCache(root);
  cache.put("key", MADE);
  expect(cache.get("key")).toBeUndefined();
  expect(readFileSync(root, "utf8")).toBe("a file in its place");
});

test("what was not asked for in a month goes, and what other builds left", () => {
  const cache = new TransformCache(root);
  for (const key of ["used", "old", "new"]) cache.put(key, MADE);
  const folder = folderOf();
  mkdirSync(join(root, "javascript-other"));
  const before = new Date(Date.now() - 40 * 24 * 3600 * 1000);
  for (const name of ["used", "old", "swept", "../javascript-other"]) {
    utimesSync(join(folder, name), before, before);
  }
  const next = new TransformCache(root);
  expect(next.get("used")).toEqual(MADE);
  next.put("one more", MADE);
  expect(kept().sort()).toEqual(["new", "one more", "used"]);
  expect(existsSync(join(root, "javascript-other"))).toBe(false);
});
