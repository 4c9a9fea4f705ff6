/** Commands that run for a host in memory: nothing of them reaches the streams of the process. */
import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MAIN = join(import.meta.dir, "../fixtures/cli/host-main.ts");

test("a command has the streams, folder, environment and signals of its host alone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "econtext-host-"));
  try {
    writeFileSync(join(folder, "said.sh"), 'echo "script $1"\n');
    const report = join(folder, "report.json");
    await using child = Bun.spawn([process.execPath, MAIN, report, folder], {
      stdin: new Blob(["not for a host\n"]),
      stdout: "pipe",
      stderr: "pipe",
    });
    const streams = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect(streams).toEqual(["", ""]);
    const told = JSON.parse(readFileSync(report, "utf8"));
    expect(told.alone).toEqual({ stdout: "one\n", stderr: "said\n", status: 3 });
    expect(told.beside).toEqual({ stdout: "two\n", stderr: "", status: 0 });
    expect(told.heard).toBe(true);
    expect(told.interrupted).toMatchObject({ stdout: "up\n", status: 143, died: "SIGTERM" });
    expect(told.untouched).toEqual({ stdout: "up\n", stderr: "", status: 4 });
    expect(told.script).toEqual({ stdout: "script word\n", stderr: "", status: 0 });
    expect(told.wrong.stderr).toContain("econtext exec local -- uname -a\n");
    expect(told.wrong.status).toBe(2);
    expect(told.kind.stderr).toContain("--kind perl: must be python, node or bun");
    expect(told.help.stdout).toContain("USAGE econtext exec");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
