/** What contexts behind one hop send each other goes the shortest way: past this process. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
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

/** A copy that this process begins, and is blocked until it has ended. */
async function copiesBlocked(name: string, copy: (to: string) => Promise<unknown>): Promise<void> {
  const to = join(folder, name);
  const copied = copy(to);
  // Both ends run: a part has arrived, under a name of its own.
  const sizeOf = (file: string): number =>
    statSync(join(folder, file), { throwIfNoEntry: false })?.size ?? 0;
  const isBegun = () => readdirSync(folder).some((one) => one.includes(name) && sizeOf(one) > 0);
  while (!isBegun()) await Bun.sleep(0);
  block(() => existsSync(to));
  expect(existsSync(to)).toBe(true);
  await copied;
  expect(data.equals(readFileSync(to))).toBe(true);
}

for (const kind of ["python", "bun"] as const) {
  const options = { kind, ...(kind === "bun" ? { bun: process.execPath } : {}) };
  test(`a copy between two contexts behind a ${kind} needs nothing of this process`, async () => {
    await using broker = new Broker({ graceMs: 300 });
    const hop = await broker.connect("local", { ...options, name: "hop" });
    const one = await hop.connect("local", { kind: "python", name: "one" });
    const two = await hop.connect("local", { kind: "python", name: "two" });
    await copiesBlocked(kind, (to) => one.copy(join(folder, "from"), two, to));
  });

  for (const way of ["from", "to"]) {
    test(`nor does one ${way} a ${kind} itself that carries the other end`, async () => {
      await using broker = new Broker({ graceMs: 300 });
      const hop = await broker.connect("local", options);
      const one = await hop.connect("local", { kind: "python", name: "one" });
      const [reader, writer] = way === "from" ? [hop, one] : [one, hop];
      const name = `${kind}-${way}`;
      await copiesBlocked(name, (to) => reader.copy(join(folder, "from"), writer, to));
      const problem = reader.copy(join(folder, "absent"), writer, join(folder, "none"));
      const failures = [expect.objectContaining({ context: reader.name })];
      await expect(problem).rejects.toMatchObject({ code: "ERR_FILES_COPY", failures });
    });
  }
}

test("a copy between contexts that nothing has started", async () => {
  await using broker = new Broker();
  // Neither their interpreters nor those of the hops on the way are known.
  const [deep, near] = await Promise.all([
    broker.connect("local/local/local"),
    broker.connect("local/local"),
  ]);
  const [first, second] = [join(folder, "first"), join(folder, "second")];
  await deep.copy(join(folder, "from"), near, first);
  expect(data.equals(readFileSync(first))).toBe(true);
  const other = await broker.connect("local/local/local");
  const another = await broker.connect("local/local/local");
  await other.copy(join(folder, "from"), another, second);
  expect(data.equals(readFileSync(second))).toBe(true);
});
