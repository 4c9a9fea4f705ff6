/** Spare buffers: what is given back is lent again, what was never lent is not, and nothing is lent twice at a time. */
import { expect, test } from "bun:test";
import { giveBack, lend } from "../../src/io/buffer-pool.ts";

test("what is given back is lent again, as large as it was or somewhat smaller", () => {
  const first = lend(100_000);
  const second = lend(100_000);
  expect(second.buffer).not.toBe(first.buffer);
  giveBack(first.subarray(10));
  const third = lend(70_000);
  expect(third.buffer).toBe(first.buffer);
  expect(third.length).toBe(70_000);
  expect(lend(70_000).buffer).not.toBe(first.buffer);
});

test("far less, or more, than was given back is new memory", () => {
  for (const bytes of [10_000, 300_000]) {
    const one = lend(100_000);
    giveBack(one);
    const other = lend(bytes);
    expect(other.buffer).not.toBe(one.buffer);
    expect(other.length).toBe(bytes);
  }
});

test("what was never lent is left alone", () => {
  const own = new Uint8Array(100_000);
  giveBack(own);
  expect(lend(100_000).buffer).not.toBe(own.buffer);
});
