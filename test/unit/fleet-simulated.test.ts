/** A run on 500 simulated machines: real contexts, and slaves in this process. */
import { expect, test } from "bun:test";
import type { FleetResult } from "../../src/fleet/result.ts";
import { NATURE, simulate } from "../helpers/simulated-fleet.ts";

const quick = {
  connectMs: 4,
  workMs: 4,
  spread: 0.6,
  shares: { busy: 0.1, blackHole: 0.01, wrongKey: 0.02, straggling: 0.02 },
};
const codeOf = (result: FleetResult<unknown>): unknown =>
  result.ok ? "ok" : (result.error as { code?: unknown }).code;

test("a run on 500 machines keeps its window, and names each failure", async () => {
  const options = { window: 60, retries: 6, connectDeadline: 60_000, maxFailures: 500 };
  // A black hole is a matter of time: see the next test.
  const nature = { ...quick, shares: { ...quick.shares, blackHole: 0 } };
  const { results, most, retried } = await simulate(500, 17, nature, options);
  expect(most).toBeLessThanOrEqual(60);
  const codes = new Map<unknown, number>();
  for (const result of results) codes.set(codeOf(result), (codes.get(codeOf(result)) ?? 0) + 1);
  expect([...codes.keys()].sort()).toEqual(["ERR_TRANSPORT_HOST_KEY_CHANGED", "ok"]);
  expect(codes.get("ok")).toBeGreaterThan(470);
  expect(retried).toBeGreaterThan(10);
  for (const result of results) {
    if (result.ok) expect(result.value).toBe("done");
    // A wrong key is not tried again.
    else expect(result.attempts).toBe(1);
  }
});

test("machines that never answer cost their deadline, and are not tried again unasked", async () => {
  const nature = {
    ...NATURE,
    connectMs: 1,
    workMs: 1,
    shares: { ...quick.shares, busy: 0, blackHole: 0.1 },
  };
  const options = { window: 100, connectDeadline: 400 };
  const { results } = await simulate(100, 3, nature, options);
  const late = results.filter((result) => codeOf(result) === "ERR_DEADLINE_CONNECT");
  expect(late.length).toBeGreaterThan(0);
  expect(late.every(({ attempts }) => attempts === 1)).toBe(true);
  expect(late.every(({ times }) => times.totalMs >= 399)).toBe(true);
  expect(results.length).toBe(100);
});
