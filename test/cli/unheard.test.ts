/**
 * A signal ends us even if the far side is busy with itself: it logs without end, or does not hear
 * at all.
 */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, uniqueSeconds } from "../conformance/session.ts";
import { bun, nodeOf } from "../helpers/javascripts.ts";
import { descendants } from "../helpers/leaks.ts";
import { suite } from "../helpers/skip.ts";
import { PYTHON, start } from "./econtext.ts";

setDefaultTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), "econtext-unheard-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, "noisy.py"), "def log():\n    while True:\n        print('x' * 80)\n");
writeFileSync(
  join(folder, "noisy.js"),
  'export function log() { for (;;) console.log("x".repeat(80)); }\n',
);

const INTERPRETERS = [
  ["python", "py", PYTHON, undefined],
  ["bun", "js", bun().path, bun().missing],
  ["node", "js", nodeOf("18").path, nodeOf("18").missing],
] as const;

for (const [kind, extension, path, missing] of INTERPRETERS) {
  suite(kind, missing, kind, () => {
    const options = [`--${kind}`, path, "local"];

    test("a function logs without end", async () => {
      await using child = start(["call", ...options, `noisy.${extension}:log`], {}, folder);
      const left = new Set<number>();
      let lines = 0;
      // It is read to its end: a master that has to wait for its reader would not be busy.
      for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
        lines += text.split("\n").length;
        if (left.size > 0 || lines < 10_000) continue;
        for (const { pid } of descendants(child.pid)) left.add(pid);
        child.kill("SIGTERM");
      }
      await child.exited;
      expect(child.signalCode).toBe("SIGTERM");
      expect(left.size).toBeGreaterThan(0);
      expect(await eventually(() => [...left].every(isGone))).toBe(true);
    });
  });
}

test("a far side that does not hear of it for its command", async () => {
  const sleep = `sleep ${uniqueSeconds()}`;
  await using child = start(["exec", "--python", PYTHON, "local", "--", ...sleep.split(" ")]);
  const command = () => descendants(child.pid).find((one) => one.command.trim() === sleep);
  expect(await eventually(() => command() !== undefined)).toBe(true);
  const others = descendants(child.pid);
  const slave = others.find(({ pid }) => pid === command()?.parent);
  if (slave === undefined) throw new Error("there is no slave");
  process.kill(slave.pid, "SIGSTOP");
  child.kill("SIGTERM");
  await child.exited;
  expect(child.signalCode).toBe("SIGTERM");
  expect(await eventually(() => others.every(({ pid }) => isGone(pid)))).toBe(true);
});

test("one that hears leaves it to the command, for as long as that takes", async () => {
  const script = 'trap "sleep 4; echo done; exit 3" TERM; echo up; while :; do sleep .05; done';
  await using child = start(["exec", "--python", PYTHON, "local", "--", "sh", "-c", script]);
  let said = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    if (said === "") child.kill("SIGTERM");
    said += text;
  }
  await child.exited;
  expect([said, child.exitCode]).toEqual(["up\ndone\n", 3]);
});

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}
