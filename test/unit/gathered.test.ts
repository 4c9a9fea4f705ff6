/** What is kept of the output of several targets. */
import { expect, test } from "bun:test";
import { Gathered, SharedMemory } from "../../src/cli/results/gathered.ts";

test("all targets share the memory, and give it back when they are shown", async () => {
  const memory = new SharedMemory(10);
  const [first, second, third] = [1, 2, 3].map(() => new Gathered(memory));
  await first?.write("stdout", new Uint8Array(6));
  await second?.write("stderr", new Uint8Array(6));
  expect([first?.lost, second?.lost, second?.bytes("stderr").length]).toEqual([0, 2, 4]);
  first?.release();
  await third?.write("stdout", new Uint8Array(6));
  expect(third?.lost).toBe(0);
});
