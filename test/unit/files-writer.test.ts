/** A writer of files trusts no reader: here one that sends what no reader of ours would. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { write } from "../../src/files/writer.ts";
import { Broker, Channel, type Context, type Sender } from "../../src/index.ts";
import { failureOf } from "../conformance/session.ts";
import { pythons } from "../helpers/pythons.ts";

const home = mkdtempSync(join(tmpdir(), "econtext-writer-"));
const broker = new Broker();
let python: Context;
let folder = "";
let count = 0;
beforeAll(async () => {
  python = await broker.connect("local", {
    kind: "python",
    python: pythons().at(-1)?.path ?? "",
  });
  await python.ready();
});
beforeEach(() => {
  folder = join(home, String(count++));
  mkdirSync(join(folder, "to"), { recursive: true });
  mkdirSync(join(folder, "outside"));
  symlinkSync("../outside", join(folder, "to/link"));
});
afterAll(async () => {
  await broker.close();
  rmSync(home, { recursive: true });
});

type Record = readonly unknown[];
const file = (path: string, text = "bad"): Record => {
  const data = new TextEncoder().encode(text);
  return ["file", path, data.length, 0o644, 1, data, 0];
};
const dir = (path: string): Record => ["dir", path, 0o755, 1];

/** What it refuses as a whole. */
const HOSTILE: readonly (readonly [title: string, records: readonly Record[]])[] = [
  ["..", [dir("tree"), file("tree/../../outside/x")]],
  ["a name that is ..", [file("..")]],
  ["an absolute path", [file("/tmp/x")]],
  ["an absolute path further on", [dir("tree"), file("tree//outside")]],
  [".", [dir("tree"), file("tree/./x")]],
  ["a NUL", [file("tree\0")]],
  ["another name than was asked for", [file("other")]],
  ["a file in no folder", [file("tree/sub/x")]],
  [
    "through a link of its own",
    [dir("tree"), ["link", "tree/l", "../../outside"], file("tree/l/x")],
  ],
  ["an unknown kind of record", [["toString"]]],
  ["the rest of nothing", [dir("tree"), ["file", "tree/x", 9, 0o644, 1, null, 5], ["done"]]],
  ["a file in a file", [dir("tree"), ["file", "tree/x", 9, 0o644, 1, null, 0], file("tree/y")]],
];

/** What it tells, and goes on. */
const FAILING: readonly (readonly [title: string, records: readonly Record[]])[] = [
  ["through a link that is there", [dir("."), dir("./link"), file("./link/x")]],
  ["a link in place of its folder", [dir("tree"), ["link", "tree", "../outside"], file("tree/x")]],
];

type Write = (to: string, events: Sender) => Promise<unknown>;
const makeChannel = () => ({ ...new Channel<unknown>(), widen: () => {}, release: () => {} });
const OPTIONS = { names: ["tree", "."] };
const WRITERS: readonly (readonly [where: string, Write])[] = [
  ["here", (to, events) => write(makeChannel, to, OPTIONS, events)],
  ["Python", (to, events) => python.call("econtext.files:write", to, OPTIONS, events)],
];

async function send(writer: Write, records: readonly Record[]): Promise<unknown> {
  const events = new Channel<readonly unknown[]>();
  const end = writer(join(folder, "to"), events.sender as Sender);
  end.catch(() => events.sender.close());
  for await (const [what, sender] of events.receiver) {
    if (what !== "open") continue;
    const to = sender as Sender;
    for (const record of [["sources", 1], ...records]) await to.send([record]).catch(() => {});
    to.close();
  }
  return end;
}

for (const [where, writer] of WRITERS) {
  test.each(HOSTILE)(`${where}, refused: %s`, async (_, records) => {
    expect(await failureOf(send(writer, records))).toBeInstanceOf(Error);
    expect(readdirSync(join(folder, "outside"))).toEqual([]);
    expect(existsSync(join(folder, "to/other"))).toBe(false);
    const left = readdirSync(join(folder, "to"), { recursive: true, encoding: "utf8" });
    expect(left.filter((name) => name.includes("econtext"))).toEqual([]);
  });

  test.each(FAILING)(`${where}, told: %s`, async (_, records) => {
    const [, , , errors] = (await send(writer, records)) as number[];
    expect(errors).toBeGreaterThan(0);
    expect(readdirSync(join(folder, "outside"))).toEqual([]);
  });

  test(`${where}: a reader that fails leaves the old file, and nothing besides`, async () => {
    await Bun.write(join(folder, "to/tree"), "old");
    const events = new Channel<readonly unknown[]>();
    const end = writer(join(folder, "to"), events.sender as Sender);
    end.catch(() => events.sender.close());
    const begun: Record = ["file", "tree", 9e6, 0o644, 1, null, 0];
    const [, sender] = await events.receiver.receive();
    const to = sender as Sender;
    await to.send([["sources", 1], begun]);
    await to.send(new Uint8Array(100_000));
    to.close(new Error("lost"));
    expect(await failureOf(end)).toMatchObject({ message: expect.stringContaining("lost") });
    expect(readdirSync(join(folder, "to")).sort()).toEqual(["link", "tree"]);
    expect(await Bun.file(join(folder, "to/tree")).text()).toBe("old");
  });

  test(`${where}: a mode has no type, and nothing takes the place of a device`, async () => {
    const empty = new Uint8Array();
    await send(writer, [["file", "tree", 0, 0o176777, 1, empty, 0]]);
    expect(statSync(join(folder, "to/tree")).mode).toBe(0o106777);
    execFileSync("mkfifo", [join(folder, "to/pipe")]);
    const at = join(folder, "to/pipe");
    const events = new Channel<readonly unknown[]>();
    const end = writer(at, events.sender as Sender);
    for await (const [what, sender] of events.receiver) {
      if (what !== "open") continue;
      await (sender as Sender).send([["sources", 1], file("tree")]);
      (sender as Sender).close();
    }
    expect(await end).toEqual([0, 0, 0, 1]);
    expect(statSync(at).isFIFO()).toBe(true);
  });
}
