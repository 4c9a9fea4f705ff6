/** The same work on several targets. */
import { expect, test } from "bun:test";
import { onTargets } from "../../src/fleet/on-targets.ts";
import { Broker } from "../../src/index.ts";

const BUN = { bun: process.execPath } as const;

test("outcomes come when the work ends: a slow target holds no other up", async () => {
  await using broker = new Broker();
  const first = Promise.withResolvers<void>();
  let begun = 0;
  const work = async (): Promise<number> => {
    begun += 1;
    if (begun > 1) return begun;
    await first.promise;
    return 1;
  };
  const seen: number[] = [];
  for await (const { index, context, result } of onTargets(broker, ["local", "local"], BUN, work)) {
    seen.push(index);
    expect(context?.name).toBe("local");
    expect(result).toEqual({ value: index + 1 });
    first.resolve();
  }
  expect(seen).toEqual([1, 0]);
});

test("an error is the outcome of its target alone", async () => {
  await using broker = new Broker();
  const targets = ["web 1", "local", "local"];
  let count = 0;
  const outcomes = await Array.fromAsync(
    onTargets(broker, targets, BUN, async () => {
      count += 1;
      if (count === 2) throw new Error("failed");
      return "done";
    }),
  );
  const results = outcomes.sort((a, b) => a.index - b.index);
  expect(results.map(({ context }) => context?.name)).toEqual([undefined, "local", "local"]);
  expect(results[0]?.result).toHaveProperty("error.code", "ERR_USAGE_TARGET");
  expect(results[1]?.result).toEqual({ value: "done" });
  expect(results[2]?.result).toHaveProperty("error.message", "failed");
  expect(await Array.fromAsync(onTargets(broker, [], BUN, async () => 1))).toEqual([]);
});
