/** The check of commit subjects: which are taken, and what is said of the others. */
import { afterAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { problemOf } from "../../scripts/commits.ts";

const dir = mkdtempSync(join(tmpdir(), "econtext-commits-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test("an area and an imperative are taken", () => {
  for (const subject of [
    "router: drop messages from behind another stream",
    "python, javascript: pass a signal on",
    "test/cli: need no terminal",
    "stage1: process what waits",
  ])
    expect(problemOf(subject)).toBeUndefined();
});

test("what is not an area and an imperative is refused", () => {
  expect(problemOf("Drop messages")).toContain("area: imperative");
  expect(problemOf("router: Drop messages")).toContain("area: imperative");
  expect(problemOf("router: drops messages")).toContain('"drops"');
  expect(problemOf("router: dropped messages")).toContain('"dropped"');
  expect(problemOf("router: dropping messages")).toContain('"dropping"');
  expect(problemOf("router: drop messages; count them")).toContain("one thought");
  expect(problemOf(`router: drop ${"x".repeat(72)}`)).toContain("at most 72");
});

/** Runs the check in a repository that holds nothing but it. */
function check(folder: string): { status: number; said: string } {
  const child = Bun.spawnSync([process.execPath, join(folder, "scripts/commits.ts")]);
  return { status: child.exitCode, said: `${child.stdout}${child.stderr}` };
}

function git(folder: string, ...args: string[]): void {
  const identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
  const { exitCode, stderr } = Bun.spawnSync(["git", ...identity, ...args], { cwd: folder });
  if (exitCode !== 0) throw new Error(stderr.toString());
}

test.skipIf(Bun.which("git") === null)("only commits after the check itself count", () => {
  const folder = join(dir, "whole");
  mkdirSync(join(folder, "scripts"), { recursive: true });
  git(folder, "init", "-q");
  git(folder, "commit", "-q", "--allow-empty", "-m", "Something old");
  cpSync(join(import.meta.dir, "../../scripts/commits.ts"), join(folder, "scripts/commits.ts"));
  expect(check(folder)).toEqual({ status: 0, said: "" });
  git(folder, "add", ".");
  git(folder, "commit", "-q", "-m", "check: hold subjects");
  git(folder, "commit", "-q", "--allow-empty", "-m", "router: drop messages");
  expect(check(folder)).toEqual({ status: 0, said: "" });
  git(folder, "commit", "-q", "--allow-empty", "-m", "Fixed");
  const { status, said } = check(folder);
  expect(said).toContain("Fixed");
  expect(said).not.toContain("Something old");
  expect(status).toBe(1);
  // A clone of the last commit alone has no commit that is new.
  git(dir, "clone", "-q", "--depth=1", `file://${folder}`, "shallow");
  expect(check(join(dir, "shallow"))).toEqual({ status: 0, said: "" });
});

test("without history, the check says that it is skipped", () => {
  const folder = join(dir, "bare");
  mkdirSync(join(folder, "scripts"), { recursive: true });
  cpSync(join(import.meta.dir, "../../scripts/commits.ts"), join(folder, "scripts/commits.ts"));
  const { status, said } = check(folder);
  expect(said).toContain("SKIP");
  expect(status).toBe(0);
});
