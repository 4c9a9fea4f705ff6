/** MarkerScanner: finds the marker wherever chunks end, and keeps what came before. */
import { beforeEach, expect, test } from "bun:test";
import { MarkerScanner } from "../../src/launch/marker.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { MemoryPipe } from "../helpers/memory-pipe.ts";

const NONCE = "0123456789abcdefghijkl";
const LIMIT = { ...LIMITS, maxNoiseBytes: 100_000 };

let pipe: MemoryPipe;
let scanner: MarkerScanner;
let heard: string;
let closed: number;

beforeEach(() => {
  pipe = new MemoryPipe(1);
  scanner = new MarkerScanner(pipe, NONCE, {}, LIMIT);
  [heard, closed] = ["", 0];
  scanner.listen({
    data: (chunk) => {
      heard += Buffer.from(chunk).toString();
    },
    drained: () => {},
    closed: () => {
      closed++;
    },
  });
});

function come(text: string): void {
  pipe.listener.data(Buffer.from(text));
}

test("the marker is a line with the protocol's version and the nonce", () => {
  expect(scanner.marker).toBe(`econtext/1 ${NONCE}\n`);
});

test("what comes after the marker is handed on, wherever chunks end", () => {
  const all = `Welcome!\n${scanner.marker}frames`;
  for (let at = 0; at <= all.length; at++) {
    pipe = new MemoryPipe(1);
    const one = new MarkerScanner(pipe, NONCE, {}, LIMIT);
    let rest = "";
    one.listen({
      data: (chunk) => {
        rest += Buffer.from(chunk).toString();
      },
      drained: () => {},
      closed: () => {},
    });
    come(all.slice(0, at));
    come(all.slice(at));
    come("!");
    expect([one.isFound, one.noise, rest]).toEqual([true, "Welcome!\n", "frames!"]);
  }
});

test("one byte at a time", () => {
  for (const character of `${scanner.marker.slice(0, -1)}x${scanner.marker}ok`) come(character);
  expect(scanner.noise).toBe(`${scanner.marker.slice(0, -1)}x`);
  expect(heard).toBe("ok");
});

test("from the marker on, the listener reads the pipe itself", () => {
  const before = pipe.listener;
  come(scanner.marker);
  expect(pipe.listener).not.toBe(before);
  const listener = { data: () => {}, drained: () => {}, closed: () => {} };
  scanner.listen(listener);
  expect(pipe.listener).toBe(listener);
});

test("another nonce is no marker", () => {
  come(`econtext/1 ${"x".repeat(22)}\n`);
  come(`econtext/2 ${NONCE}\n`);
  expect([scanner.isFound, heard]).toEqual([false, ""]);
});

test("the last 32 KiB before the marker are kept", () => {
  come("a".repeat(40_000));
  come("b".repeat(10_000));
  expect(scanner.noise).toBe("a".repeat(32_768 - 10_000) + "b".repeat(10_000));
  come(scanner.marker);
  expect(scanner.noise.endsWith("b")).toBe(true);
});

test("too much before the marker closes the pipe, and is told", async () => {
  for (let i = 0; i < 10; i++) come("x".repeat(10_000));
  expect([scanner.failure, pipe.closed]).toEqual([undefined, false]);
  come("x");
  expect(scanner.failure?.code).toBe("ERR_PROTOCOL_NOISE");
  expect(scanner.failure?.message).toContain("more than 100000 bytes");
  expect(pipe.closed).toBe(true);
  await new Promise((resolve) => setImmediate(resolve));
  expect(closed).toBe(1);
});

test("writing does not wait for the marker", () => {
  expect(scanner.write(Buffer.from("now"))).toBe(true);
  expect(Buffer.concat(pipe.written).toString()).toBe("now");
});

test("a held child gets what is written when its line has come, wherever chunks end", () => {
  const all = `Last login: now\nready\nnoise\n${"x".repeat(5)}`;
  const line = all.indexOf("ready\n") + "ready\n".length;
  for (let at = 0; at <= all.length; at++) {
    pipe = new MemoryPipe(9);
    const held = new MarkerScanner(pipe, NONCE, { hold: "ready", held: () => released++ }, LIMIT);
    let [drained, released] = [0, 0];
    held.listen({ data: () => {}, drained: () => drained++, closed: () => {} });
    expect([held.write(Buffer.from("pre")), held.write(Buffer.from("amble"))]).toEqual([
      false,
      false,
    ]);
    come(all.slice(0, at));
    const isOver = at >= line;
    expect([held.isHeld, pipe.written.length, drained, released]).toEqual(
      isOver ? [false, 2, 1, 1] : [true, 0, 0, 0],
    );
    come(all.slice(at));
    expect([held.isHeld, Buffer.concat(pipe.written).toString()]).toEqual([false, "preamble"]);
    expect(held.noise).toBe("Last login: now\nnoise\nxxxxx");
    expect(held.write(Buffer.from("now"))).toBe(true);
    come(held.marker);
    expect(held.isFound).toBe(true);
  }
});

test("a pipe that takes not all of what was held is waited for", () => {
  pipe = new MemoryPipe(0);
  const held = new MarkerScanner(pipe, NONCE, { hold: "ready", held: () => released++ }, LIMIT);
  let [drained, released] = [0, 0];
  held.listen({ data: () => {}, drained: () => drained++, closed: () => {} });
  held.write(Buffer.from("all"));
  pipe.listener.drained(); // of an answer
  expect(drained).toBe(0);
  come("ready\n");
  expect(drained).toBe(0);
  pipe.listener.drained();
  expect(drained).toBe(1);
});
