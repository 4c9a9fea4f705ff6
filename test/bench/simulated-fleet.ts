/**
 * `bun test/bench/simulated-fleet.ts [COUNT] [SEED]`: a run on 10,000 simulated machines, once for
 * each window, as the table of docs/how-it-works.md.
 */
import { NATURE, simulate } from "../helpers/simulated-fleet.ts";

const [count = 10_000, seed = 17] = process.argv.slice(2).map(Number);

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;
console.log("| window | retries allowed | retries | done | failed | half | 99 % | last |");
console.log("| --- | --- | --- | --- | --- | --- | --- | --- |");
for (const [window, retries] of [
  [16, 3],
  [64, 3],
  [256, 3],
  [256, 0],
] as const) {
  const options = { window, retries, connectDeadline: 5_000 };
  const { results, most, retried, half, most99, all } = await simulate(
    count,
    seed,
    NATURE,
    options,
  );
  const failed = results.filter(({ ok }) => !ok).length;
  if (most > window) throw new Error(`${most} targets at a time in a window of ${window}`);
  const columns = [window, retries, retried, count - failed, failed];
  const times = [half, most99, all].map(seconds);
  console.log(`| ${[...columns, ...times].join(" | ")} |`);
}
