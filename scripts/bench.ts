/**
 * `npm run bench`: econtext beside whatever peers this machine has, in one run and as ratios.
 *
 *     bench [--quick] [--only a,c] [--json FILE]
 *
 * Owns the order of the measurements and the printing. What is measured, and how, is in
 * test/bench/. Nothing here fails because a number is bad: a bound that is not held is printed as
 * OVER.
 */
import { writeFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { Lab } from "../test/bench/lab.ts";
import { MEASUREMENTS } from "../test/bench/metrics/all.ts";
import { judge, type Row } from "../test/bench/row.ts";
import { header, line } from "../test/bench/table.ts";

function usage(): string {
  const list = Object.entries(MEASUREMENTS).map(([key, { what }]) => `  ${key}  ${what}`);
  return [
    "usage: npm run bench -- [--quick] [--only a,c] [--json FILE]",
    "",
    ...list,
    "",
    "BENCH_PYTHON (default /usr/bin/python3) runs the slaves and the peers in Python,",
    "BENCH_BUN and BENCH_NODE (default: this Bun, and the newest of test/nodes) run those in JavaScript.",
  ].join("\n");
}

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const chosen = values.only?.split(",") ?? Object.keys(MEASUREMENTS);
if (values.help || chosen.some((key) => !(key in MEASUREMENTS))) {
  console.log(usage());
  process.exit(values.help ? 0 : 2);
}

const began = performance.now();
const opening = Lab.open(values.quick);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    void opening.then((lab) => lab[Symbol.asyncDispose]()).finally(() => process.exit(130));
  });
}
await using lab = await opening;

console.log(
  `${String(availableParallelism())} CPUs, load ${loadavg()[0]?.toFixed(2) ?? "?"} before the start${
    values.quick ? "; quick: few samples" : ""
  }\n`,
);
console.log(header());
const rows: Row[] = [];
for (const key of chosen) {
  for (const row of (await MEASUREMENTS[key]?.run(lab)) ?? []) {
    rows.push(row);
    console.log(line(row));
  }
}

console.log("");
for (const [peer, version] of Object.entries(lab.versions)) console.log(`${peer}: ${version}`);
for (const note of lab.notes) console.log(`note: ${note}`);
const verdicts = rows.flatMap((row) =>
  (row.bounds ?? []).filter((bound) => !bound.aim).map((bound) => judge(row, bound).verdict),
);
const count = (verdict: string) => String(verdicts.filter((found) => found === verdict).length);
const seconds = ((performance.now() - began) / 1e3).toFixed(0);
console.log(
  `${count("ok")} bounds held, ${count("over")} over, ${count("not measured")} not measured; ${seconds} s`,
);

if (values.json !== undefined) {
  const report = { quick: values.quick, versions: lab.versions, notes: lab.notes, rows };
  writeFileSync(values.json, `${JSON.stringify(report, null, 1)}\n`);
}
