/** Files for many targets: they are read once, and each target gets all of them. */
import { afterAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { ValueSender } from "../../src/files/records.ts";
import { type ReadOnce, Tape } from "../../src/files/tape.ts";
import { Broker } from "../../src/index.ts";
import { pattern } from "../helpers/random.ts";

const folder = mkdtempSync(join(tmpdir(), "econtext-fleet-copy-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A writer that takes messages when it may. */
class Writer implements ValueSender {
  readonly taken: unknown[] = [];
  closed = false;
  ending: unknown = "open";
  gate: Promise<void> = Promise.resolve();

  async send(value: unknown): Promise<void> {
    await this.gate;
    if (this.closed) throw new Error("closed");
    this.taken.push(value);
  }

  close(error?: unknown): void {
    this.closed = true;
    this.ending = error;
  }
}

const pieces = (count: number) => Array.from({ length: count }, (_, at) => pattern(100 + at));

/** Sends these messages, and counts how many were taken. */
function readerOf(messages: readonly unknown[], error?: Error) {
  const reader = { begun: 0, sent: 0 };
  const read: ReadOnce = async (to, signal) => {
    reader.begun++;
    for (const message of messages) {
      signal.throwIfAborted();
      await to.send(message);
      reader.sent++;
    }
    to.close(error);
  };
  return { reader, read };
}

test("each writer has everything from the beginning, also one that comes late", async () => {
  const messages = [[["file", "a", 3, null, null, pattern(3), 0]], ...pieces(20)];
  const { reader, read } = readerOf(messages);
  const tape = new Tape(read);
  const [one, other] = [new Writer(), new Writer()];
  await tape.play(one);
  expect(tape.isWhole).toBe(true);
  await tape.play(other);
  for (const { taken, ending } of [one, other]) {
    expect(taken).toEqual(messages);
    expect(ending).toBeUndefined();
  }
  expect(reader).toEqual({ begun: 1, sent: messages.length });
});

test("over the limit, the slowest writer holds the reader up, and what all have is dropped", async () => {
  const messages = pieces(50);
  const { reader, read } = readerOf(messages);
  const tape = new Tape(read, 1_000);
  const gate = Promise.withResolvers<void>();
  const [fast, slow] = [new Writer(), new Writer()];
  slow.gate = gate.promise;
  const played = [tape.play(fast), tape.play(slow)];
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(reader.sent).toBeLessThan(10);
  expect(tape.isWhole).toBe(true);
  gate.resolve();
  await Promise.all(played);
  expect(fast.taken).toEqual(messages);
  expect(slow.taken).toEqual(messages);
  expect(tape.isWhole).toBe(false);
});

test("a writer that ends early holds nothing up; without any, reading stops", async () => {
  const messages = pieces(50);
  const { reader, read } = readerOf(messages);
  const tape = new Tape(read, 1_000);
  const [gone, stays] = [new Writer(), new Writer()];
  gone.close();
  await Promise.all([tape.play(gone), tape.play(stays)]);
  expect(stays.taken).toEqual(messages);
  const stuck = readerOf(messages);
  const other = new Tape(stuck.read, 1_000);
  gone.closed = true;
  await other.play(gone);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(stuck.reader.sent).toBeLessThan(20);
  expect(other.isWhole).toBe(false);
  expect(reader.sent).toBe(50);
});

test("a reader that fails tells every writer, and later ones read anew", async () => {
  const { read } = readerOf(pieces(3), new Error("the disk is gone"));
  const tape = new Tape(read);
  const writer = new Writer();
  await expect(tape.play(writer)).rejects.toThrow("the disk is gone");
  expect(writer.ending).toEqual(new Error("the disk is gone"));
  expect(tape.isWhole).toBe(false);
  const aborted = new Writer();
  const playing = new Tape(readerOf(pieces(3)).read).play(aborted, AbortSignal.abort());
  await expect(playing).rejects.toThrow("abort");
});

test("a folder is copied to several targets", async () => {
  await using broker = new Broker();
  const from = join(folder, "app");
  mkdirSync(join(from, "sub"), { recursive: true });
  writeFileSync(join(from, "small"), "small");
  const large = pattern(1_000_000);
  writeFileSync(join(from, "sub/large"), large);
  const fleet = broker.fleet(["local", "local", "local"], { window: 2, bun: process.execPath });
  const places = [0, 1, 2].map((at) => join(folder, `to${at}`));
  const missing = await fleet.copy(join(folder, "none"), folder);
  for (const result of missing) {
    expect(result).toMatchObject({ ok: false, error: { code: "ERR_FILES_COPY" } });
  }
  for (const place of places) {
    const results = await fleet.copy(from, place, { recursive: true });
    expect(results.map(({ ok }) => ok)).toEqual([true, true, true]);
    expect(readFileSync(join(place, "sub/large")).equals(large)).toBe(true);
    expect(readFileSync(join(place, "small"), "utf8")).toBe("small");
  }
  const again = await fleet.copy(from, places[0] as string, { recursive: true, checksum: true });
  expect(again.every(({ ok }) => ok)).toBe(true);
});

test.each(["python", "bun"] as const)(
  "behind a %s, what all targets get crosses the first link once",
  async (kind) => {
    // What the first link carries is written to a file, too.
    const program = join(folder, `ssh-${kind}`);
    const sent = join(folder, `sent-${kind}`);
    const command = `tee ${sent} | exec sh -c "$last"`;
    writeFileSync(program, `#!/bin/sh\nfor word; do last=$word; done\n${command}\n`);
    chmodSync(program, 0o755);
    await using broker = new Broker({ targets: { far: interpreterOf(kind) } });
    const from = join(folder, `random-${kind}`);
    mkdirSync(from);
    const large = randomBytes(5_000_000);
    writeFileSync(join(from, "large"), large);
    for (let at = 0; at < 20; at++) writeFileSync(join(from, `${at}`), randomBytes(10_000));
    const targets = Array.from({ length: 4 }, () => "far/local");
    const fleet = broker.fleet(targets, { ssh: { program }, kind: "python", window: 2 });
    const results = await fleet.run(async (context, { index, signal }) => {
      await context.put(from, join(folder, `far-${kind}-${index}`), { recursive: true, signal });
    });
    expect(results.map(({ ok }) => ok)).toEqual([true, true, true, true]);
    const each = statSync(sent).size;
    expect(each).toBeGreaterThan(4 * 5_200_000);
    const to = join(folder, `far-all-${kind}`);
    mkdirSync(to);
    const copied = await fleet.copy(from, to, { recursive: true });
    expect(copied.map(({ ok }) => ok)).toEqual([true, true, true, true]);
    expect(readFileSync(join(to, basename(from), "large")).equals(large)).toBe(true);
    const once = statSync(sent).size - each;
    expect(once).toBeGreaterThan(5_200_000);
    expect(once).toBeLessThan(5_200_000 * 1.1);
  },
);

function interpreterOf(kind: "python" | "bun") {
  return kind === "bun" ? { bun: process.execPath } : { kind };
}
