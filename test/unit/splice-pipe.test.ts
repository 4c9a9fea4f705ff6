/**
 * Bytes that go through a conduit: all of them, in order, however much fits at a time; and what
 * waits for it to be empty.
 */
import { expect, test } from "bun:test";
import { closeSync, readSync, writeSync } from "node:fs";
import fc from "fast-check";
import { makePipe, readNow, widen } from "../../src/io/libc.ts";
import { SplicePipe } from "../../src/io/splice-pipe.ts";
import { pattern } from "../helpers/random.ts";

type Ends = readonly [read: number, write: number];

function pipe(): Ends {
  const ends = makePipe();
  if (ends === undefined) throw new Error("no pipe");
  return ends;
}

function close(...pipes: readonly Ends[]): void {
  for (const ends of pipes) for (const fd of ends) closeSync(fd);
}

test.if(process.platform === "linux")("what goes in comes out, moved or read", () => {
  const step = fc.record({
    size: fc.integer({ min: 1, max: 60_000 }),
    piece: fc.integer({ min: 1, max: 50_000 }),
    read: fc.integer({ min: 0, max: 3000 }),
  });
  const conduit = SplicePipe.open() as SplicePipe;
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), (steps) => {
      const [from, to] = [pipe(), pipe()];
      const got: Uint8Array[] = [];
      const sent: Uint8Array[] = [];
      for (const { size, piece, read } of steps) {
        const data = pattern(size);
        sent.push(data);
        writeSync(from[1], data);
        expect(conduit.spliceFrom(from[0])).toBe(size);
        expect(conduit.spliceFrom(from[0])).toBeUndefined();
        while (conduit.free > 0) {
          const piped = conduit.take(piece);
          if (read > 0) got.push(piped.read(read));
          while (piped.left > 0) {
            piped.spliceTo(to[1]);
            const into = new Uint8Array(piped.length);
            const n = readSync(to[0], into);
            got.push(into.subarray(0, n));
          }
        }
      }
      close(from, to);
      expect(Buffer.concat(got).equals(Buffer.concat(sent))).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test.if(process.platform === "linux")("all of it, in whole pages of about the same size", () => {
  const conduit = SplicePipe.open() as SplicePipe;
  const from = pipe();
  widen(from[0]);
  for (const size of [1 << 20, 300_000, 258_049, 258_048, 5000]) {
    const data = pattern(size);
    for (let at = 0; at < size; ) at += writeSync(from[1], data, at);
    expect(conduit.spliceFrom(from[0])).toBe(size);
    const got = [...conduit.takeAll(258_048)].map((piece) => piece.read(piece.length));
    expect(Buffer.concat(got).equals(data)).toBe(true);
    const [largest = 0] = got.map(({ length }) => length);
    expect(largest).toBeLessThanOrEqual(258_048);
    for (const { length } of got.slice(0, -1)) expect(length % 4096).toBe(0);
    expect(got.at(-1)?.length).toBeGreaterThan(largest / 2);
  }
  close(from);
});

test.if(process.platform === "linux")("its end, and when it is empty", async () => {
  const conduit = SplicePipe.open() as SplicePipe;
  const from = pipe();
  await conduit.empty();
  writeSync(from[1], "abcdef");
  closeSync(from[1]);
  expect(conduit.spliceFrom(from[0])).toBe(6);
  expect(conduit.spliceFrom(from[0])).toBe(0);
  let isEmpty = false;
  const emptied = conduit.empty().then(() => {
    isEmpty = true;
  });
  const first = conduit.take(4);
  const second = conduit.take(4);
  expect([first.length, second.length, conduit.free]).toEqual([4, 2, 0]);
  expect(new TextDecoder().decode(first.read(100))).toBe("abcd");
  await Promise.resolve();
  expect(isEmpty).toBe(false);
  expect(new TextDecoder().decode(second.read(100))).toBe("ef");
  await emptied;
  closeSync(from[0]);
});

test.if(process.platform === "linux")("a full pipe takes what it can", () => {
  const conduit = SplicePipe.open() as SplicePipe;
  const [from, to] = [pipe(), pipe()];
  const data = pattern(50_000);
  for (let i = 0; i < 4; i++) {
    writeSync(from[1], data);
    conduit.spliceFrom(from[0]);
  }
  const piped = conduit.take(200_000);
  for (let left = piped.left; left > 0; left = piped.left) {
    piped.spliceTo(to[1]);
    // 64 KiB is what a pipe holds, at most.
    const moved = left - piped.left;
    expect(moved).toBeGreaterThan(0);
    expect(moved).toBeLessThanOrEqual(65_536);
    expect(readNow(to[0], new Uint8Array(100_000))).toBe(moved);
  }
  close(from, to);
});
