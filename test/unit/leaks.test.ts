/** The preload of the tests: what it calls a leak, seen from a run of its own. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PRELOAD = join(import.meta.dir, "../preload.ts");
/** A slave as ps shows it, which ends after `seconds`. */
const START = `const start = async (seconds) => {
  const child = Bun.spawn(["bash", "-c", "exec -a econtext:x sleep " + seconds]);
  const title = Bun.file("/proc/" + child.pid + "/cmdline");
  while (!(await title.text()).startsWith("econtext:")) await Bun.sleep(5);
  return child.exited;
};`;

async function failures(tests: string): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), "econtext-leaks-"));
  try {
    const file = join(dir, "some.test.ts");
    writeFileSync(file, `import { test } from "bun:test";\n${START}\n${tests}`);
    const child = Bun.spawn([process.execPath, "test", `--preload=${PRELOAD}`, file], {
      cwd: dir,
      env: {
        ...process.env,
        ECONTEXT_TEST_RUN: crypto.randomUUID(),
        ECONTEXT_TEST_GRACE_MS: "100",
      },
      stdout: "ignore",
      stderr: "pipe",
    });
    const said = await child.stderr.text();
    return [...said.matchAll(/^\(fail\) (\w+)/gm)].map(([, name = ""]) => name);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

test("a process of a test that still runs is no leak of one beside it", async () => {
  const tests = `
    test.concurrent("short", async () => { await Bun.sleep(100); });
    test.concurrent("long", async () => { await start(0.5); });`;
  expect(await failures(tests)).toEqual([]);
});

test("what tests leave is found when the last of those beside each other ends", async () => {
  const tests = `
    test.concurrent("leaving", async () => { start(30); await Bun.sleep(100); });
    test.concurrent("last", async () => { await Bun.sleep(200); });
    test("alone", async () => { await start(0.1); });
    test("single", async () => { start(30); await Bun.sleep(100); });`;
  expect(await failures(tests)).toEqual(["last", "single"]);
});
