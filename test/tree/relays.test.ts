/** What contexts behind one hop send each other goes the shortest way: past this process. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Broker } from "../../src/index.ts";

/** Far more than all windows and pipes on the way hold. */
const SIZE = 64 << 20;
const BLOCKED_MS = 15_000;
const data = Buffer.alloc(SIZE, Array.from({ length: 251 }, (_, i) => String(i)).join());
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "econtext-relays-"));
  writeFileSync(join(folder, "from"), data);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Waits without giving this process's own work a chance. */
function block(until: () => boolean): void {
  const end = performance.now() + BLOCKED_MS;
  while (!until() && performance.now() < end) Bun.sleepSync(5);
}

for (const kind of ["python", "bun"] as const) {
  test(`a copy between two contexts behind a ${kind} needs nothing of this process`, async () => {
    await using broker = new Broker({ graceMs: 300 });
    const options = { kind, ...(kind === "bun" ? { bun: process.execPath } : {}) };
    const hop = await broker.connect("local", { ...options, name: "hop" });
    const one = await hop.connect("local", { kind: "python", name: "one" });
    const two = await hop.connect("local", { kind: "python", name: "two" });
    const to = join(folder, kind);
    const copied = one.copy(join(folder, "from"), two, to);
    const isBegun = () => readdirSync(folder).some((name) => name.includes(kind));
    while (!isBegun()) await Bun.sleep(0);
    block(() => existsSync(to));
    expect(existsSync(to)).toBe(true);
    await copied;
    expect(data.equals(readFileSync(to))).toBe(true);
  });
}
