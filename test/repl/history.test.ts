/** The prompt's history: what is kept from one session to the next. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { appendHistory, MAX_HISTORY, readHistory } from "../../src/repl/history.ts";

const before = process.env["XDG_STATE_HOME"];
let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "econtext-history-"));
  process.env["XDG_STATE_HOME"] = dir;
});
afterAll(() => {
  if (before === undefined) delete process.env["XDG_STATE_HOME"];
  else process.env["XDG_STATE_HOME"] = before;
  rmSync(dir, { recursive: true, force: true });
});

test("inputs are appended, and read with the newest first", () => {
  expect(readHistory()).toEqual([]);
  appendHistory("first\n");
  appendHistory("const f = () => {\n  return 1;\n}\n");
  appendHistory("  \n");
  expect(readHistory()).toEqual(["}\r  return 1;\rconst f = () => {", "first"]);
  expect(statSync(join(dir, "econtext", "history")).mode & 0o777).toBe(0o600);
});

test("the newest are kept, and a long file is shortened", () => {
  for (let i = 0; i <= 2 * MAX_HISTORY; i++) appendHistory(`line ${i}`);
  const kept = readHistory();
  expect([kept.length, kept[0]]).toEqual([MAX_HISTORY, `line ${2 * MAX_HISTORY}`]);
  const file = join(dir, "econtext", "history");
  expect(readFileSync(file, "utf8").trimEnd().split("\n")).toEqual(kept.toReversed());
  expect(readdirSync(join(dir, "econtext"))).toEqual(["history"]);
});

test("where it cannot be written, nothing fails", () => {
  process.env["XDG_STATE_HOME"] = "/dev/null";
  appendHistory("lost");
  expect(readHistory()).toEqual([]);
  process.env["XDG_STATE_HOME"] = dir;
});
