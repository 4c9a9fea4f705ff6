/** Results in groups, differences between outputs, and the log of a run. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { unifiedDiff } from "../../src/fleet/diff.ts";
import { fold, keyOf } from "../../src/fleet/fold.ts";
import { JobLog, type Resume } from "../../src/fleet/joblog.ts";
import type { FleetResult } from "../../src/fleet/result.ts";
import { CancelledError, SkippedError } from "../../src/index.ts";
import { suite } from "../helpers/skip.ts";

const folder = mkdtempSync(join(tmpdir(), "econtext-fold-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("equal values make a group: the largest first, then the earlier", () => {
  const values = ["b", "a", "c", "a", "b", "a", "d"];
  const items = values.map((value, at) => ({ name: `web${at}`, value }));
  expect(fold(items)).toEqual([
    { names: ["web1", "web3", "web5"], value: "a" },
    { names: ["web0", "web4"], value: "b" },
    { names: ["web2"], value: "c" },
    { names: ["web6"], value: "d" },
  ]);
  expect(fold([])).toEqual([]);
});

test("values are equal by their content", () => {
  const texts = new Map<string, number>();
  const key = (value: unknown): string => keyOf(value, texts);
  const long = "line\n".repeat(1_000);
  const equal: [unknown, unknown][] = [
    [
      { a: 1, b: [2] },
      { b: [2], a: 1 },
    ],
    [1, 1n],
    [new Map([["a", 1]]), new Map([["a", 1n]])],
    [new Set([1, 2]), new Set([2, 1])],
    [new Uint8Array([1, 2]), Buffer.from([1, 2])],
    [{ a: long }, { a: "line\n".repeat(1_000) }],
  ];
  for (const [one, other] of equal) expect(key(one)).toBe(key(other));
  const different = ["1", 1, 1.5, true, "true", null, undefined, "null", [], {}, [1], ["1"]];
  const more = [new Map(), new Set(), new Uint8Array(), new Date(0), { a: 1 }, new Map([["a", 1]])];
  const others = [["a,b"], ["a", "b"], { a: { b: 1 } }, { "a:{b": 1 }, NaN, "NaN"];
  const texted = [long, `${long}.`, "text 0", Buffer.from(long)];
  const keys = [...different, ...more, ...others, ...texted].map(key);
  expect(new Set(keys).size).toBe(keys.length);
});

test("ten thousand results are folded at once", () => {
  const output = (at: number): string => `line of a report\n`.repeat(200) + (at % 97);
  const items = Array.from({ length: 10_000 }, (_, at) => ({
    name: `web${at}`,
    value: { stdout: output(at), stderr: "", exitCode: at % 3 },
  }));
  const began = performance.now();
  const groups = fold(items);
  const took = performance.now() - began;
  expect(groups.length).toBe(291);
  expect(groups.flatMap(({ names }) => names).length).toBe(10_000);
  // 100 ms on a free processor. More than ten times as long would not be linear.
  expect(took).toBeLessThan(5_000);
});

/** What `patch` does. */
function patched(from: string, hunks: readonly string[]): string {
  const lines = from === "" ? [] : from.replace(/\n$/, "").split("\n");
  const result: string[] = [];
  let at = 0;
  for (const line of hunks) {
    const [, start, count] = /^@@ -(\d+)(?:,(\d+))? /.exec(line) ?? [];
    if (start !== undefined) {
      const begin = count === "0" ? Number(start) : Number(start) - 1;
      while (at < begin) result.push(lines[at++] as string);
    } else if (line.startsWith("+")) result.push(line.slice(1));
    else {
      expect(lines[at]).toBe(line.slice(1));
      if (line.startsWith(" ")) result.push(line.slice(1));
      at++;
    }
  }
  result.push(...lines.slice(at));
  return result.map((line) => `${line}\n`).join("");
}

test("a difference is shown as diff -u does", () => {
  const from = Array.from({ length: 20 }, (_, at) => `${at}\n`).join("");
  const to = from.replace("3\n", "three\n").replace("17\n", "");
  expect(unifiedDiff(from, to)).toEqual(
    "@@ -1,7 +1,7 @@\n 0\n 1\n 2\n-3\n+three\n 4\n 5\n 6\n@@ -15,6 +15,5 @@\n 14\n 15\n 16\n-17\n 18\n 19".split(
      "\n",
    ),
  );
  expect(unifiedDiff("a\nb\n", "a\nb")).toEqual(
    "@@ -1,2 +1,2 @@\n a\n-b\n+b\n\\ No newline at end of file".split("\n"),
  );
  expect(unifiedDiff("", "a\n")).toEqual(["@@ -0,0 +1 @@", "+a"]);
  expect(unifiedDiff("a\n", "a\n")).toEqual([]);
});

test("a difference turns one text into the other, with the fewest edits", () => {
  const text = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 30 });
  const property = fc.property(text, text, fc.nat(4), (one, other, context) => {
    const [from, to] = [one, other].map((lines) => lines.map((line) => `${line}\n`).join(""));
    const hunks = unifiedDiff(from as string, to as string, context);
    expect(patched(from as string, hunks)).toBe(to as string);
    const count = hunks.filter((line) => /^[-+]/.test(line)).length;
    expect(count).toBe(one.length + other.length - 2 * longestCommon(one, other));
  });
  fc.assert(property);
});

function longestCommon(one: readonly string[], other: readonly string[]): number {
  let before = new Array<number>(other.length + 1).fill(0);
  for (const line of one) {
    const row = [0];
    for (const [at, same] of other.entries()) {
      const longest = Math.max(row[at] as number, before[at + 1] as number);
      row.push(line === same ? (before[at] as number) + 1 : longest);
    }
    before = row;
  }
  return before.at(-1) as number;
}

test("texts that have nothing in common are replaced as a whole, at once", () => {
  const lines = (prefix: string) => Array.from({ length: 5_000 }, (_, at) => `${prefix}${at}\n`);
  const hunks = unifiedDiff(lines("a").join(""), lines("b").join(""));
  expect(hunks.length).toBe(10_001);
});

const TARGETS = ["web1", "web2", "web3", "web4"];
const done = (at: number): FleetResult<number> => ({
  target: TARGETS[at] as string,
  index: at,
  attempts: 1,
  ok: true,
  value: 0,
  times: { startedAt: 1_700_000_000_123, totalMs: 1_234.5 },
});

function logOf(name: string, resume: Resume = "none"): JobLog {
  return new JobLog(join(folder, name), TARGETS, (target) => `echo\ta\n${target}`, resume);
}

test("a log has GNU parallel's columns, and says what is left to do", () => {
  const log = logOf("run");
  expect(log.rest).toEqual([0, 1, 2, 3]);
  log.add(0, done(0), { status: 0, received: 12 });
  log.add(2, done(2), { status: 7 });
  log.add(3, done(3), { status: 143, signal: "SIGTERM" });
  const failed = { ...done(1), ok: false } as const;
  for (const error of [new SkippedError("", ""), new CancelledError("", "")]) {
    log.add(1, { ...failed, error }, { status: 1 });
  }
  log.close();
  expect(readFileSync(join(folder, "run"), "utf8").split("\n")).toEqual([
    "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand",
    "1\tweb1\t1700000000.123\t     1.234\t0\t12\t0\t0\techo a\0web1",
    "3\tweb3\t1700000000.123\t     1.234\t0\t0\t7\t0\techo a\0web3",
    "4\tweb4\t1700000000.123\t     1.234\t0\t0\t0\t15\techo a\0web4",
    "",
  ]);
  expect(logOf("run", "ended").rest).toEqual([1]);
  const again = logOf("run", "succeeded");
  expect(again.rest).toEqual([1, 2, 3]);
  again.add(2, done(2), { status: 0 });
  again.close();
  expect(logOf("run", "succeeded").rest).toEqual([1, 3]);
  expect(logOf("none", "ended").rest).toEqual([0, 1, 2, 3]);
});

test("a log of other targets, or of another program, is refused", () => {
  const path = join(folder, "run");
  const other = () => new JobLog(path, ["web2", "web1"], () => "", "ended");
  expect(other).toThrow("line 2 is of web1, and target 1 of this run is web2");
  writeFileSync(join(folder, "text"), "a letter\n");
  expect(() => logOf("text", "ended")).toThrow("line 1 is no line of a job log");
  expect(() => logOf("none/file")).toThrow("job log");
});

const missing = Bun.which("parallel") === null ? "GNU parallel is not installed" : undefined;
suite("beside GNU parallel", missing, "parallel", () => {
  test("GNU parallel resumes a log of ours, and we one of its", async () => {
    const run = async (...options: string[]): Promise<string> => {
      const argv = ["parallel", "-j1", ...options, "echo {}; exit {}", ":::", "0", "3", "0", "5"];
      const child = Bun.spawn(argv, {
        stdout: "pipe",
        stderr: "pipe",
        env: { ...process.env, PARALLEL_HOME: folder },
      });
      const text = await new Response(child.stdout).text();
      await child.exited;
      return text;
    };
    const path = join(folder, "ours");
    const log = new JobLog(path, TARGETS, () => "echo", "none");
    log.add(0, done(0), { status: 0 });
    log.add(1, done(1), { status: 3 });
    log.close();
    expect(await run("--joblog", path, "--resume")).toBe("0\n5\n");
    const theirs = join(folder, "theirs");
    await run("--joblog", theirs);
    const locals = [":", ":", ":", ":", ":"];
    expect(new JobLog(theirs, locals, () => "", "ended").rest).toEqual([4]);
    expect(new JobLog(theirs, locals, () => "", "succeeded").rest).toEqual([1, 3, 4]);
    expect(await run("--joblog", theirs, "--resume-failed")).toBe("3\n5\n");
  });
});
