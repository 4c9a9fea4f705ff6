/** The prompt's history: what is kept from one session to the next. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MAX_HISTORY, readHistory, writeHistory } from "../../src/repl/history.ts";

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

test("what is shorter than before leaves nothing of it", () => {
  expect(readHistory()).toEqual([]);
  writeHistory(["a long line, and one more", "another"]);
  writeHistory(["short"]);
  expect(readHistory()).toEqual(["short"]);
  expect(readdirSync(join(dir, "econtext"))).toEqual(["history"]);
});

test("no more than so many lines, the last ones", () => {
  const lines = Array.from({ length: MAX_HISTORY + 5 }, (_, i) => `line ${i}`);
  writeHistory(lines);
  expect(readHistory()).toEqual(lines.slice(0, MAX_HISTORY));
});

test("where it cannot be written, nothing fails", () => {
  process.env["XDG_STATE_HOME"] = "/dev/null";
  writeHistory(["lost"]);
  expect(readHistory()).toEqual([]);
  process.env["XDG_STATE_HOME"] = dir;
});
