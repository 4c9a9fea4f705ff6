/**
 * Spare buffers: what is given back is lent again, what was never lent is not, and nothing is lent
 * twice at a time.
 */
import { expect, test } from "bun:test";
import { releaseBuffer, takeBuffer } from "../../src/io/buffer-pool.ts";

test("what is given back is lent again, as large as it was or somewhat smaller", () => {
  const first = takeBuffer(100_000);
  const second = takeBuffer(100_000);
  expect(second.buffer).not.toBe(first.buffer);
  releaseBuffer(first.subarray(10));
  const third = takeBuffer(70_000);
  expect(third.buffer).toBe(first.buffer);
  expect(third.length).toBe(70_000);
  expect(takeBuffer(70_000).buffer).not.toBe(first.buffer);
});

test("far less, or more, than was given back is new memory", () => {
  for (const bytes of [10_000, 300_000]) {
    const one = takeBuffer(100_000);
    releaseBuffer(one);
    const other = takeBuffer(bytes);
    expect(other.buffer).not.toBe(one.buffer);
    expect(other.length).toBe(bytes);
  }
});

test("what was never lent is left alone", () => {
  const own = new Uint8Array(100_000);
  releaseBuffer(own);
  expect(takeBuffer(100_000).buffer).not.toBe(own.buffer);
});
