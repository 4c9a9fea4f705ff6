/** Descriptors that are read in turns while much comes. */
import { expect, test } from "bun:test";
import { busyPoller } from "../../src/io/busy-poll.ts";

/** A source that gives these numbers of bytes, and then the last one each time. */
function poll(...numbers: (number | undefined)[]): Promise<number> {
  let reads = 0;
  const idle = Promise.withResolvers<number>();
  busyPoller.add({
    fd: 0,
    isBusy: true,
    read: () => numbers[Math.min(reads++, numbers.length - 1)],
    idle: () => idle.resolve(reads),
  });
  return idle.promise;
}

test("a source is left to the event loop at its end, without a wait", async () => {
  expect(await poll(10, 20, 0)).toBe(3);
});

test("a source that is silent is asked some more times", async () => {
  expect(await poll(10, undefined)).toBeGreaterThan(10);
});
