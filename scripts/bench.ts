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
import { bulk, memory, pipelined, sequential } from "../test/bench/metrics/calls.ts";
import { connectLocal, connectSsh, wire } from "../test/bench/metrics/connect.ts";
import { copies } from "../test/bench/metrics/copies.ts";
import { fanOut } from "../test/bench/metrics/fan.ts";
import { firstResults } from "../test/bench/metrics/first.ts";
import { imports } from "../test/bench/metrics/imports.ts";
import { javascript } from "../test/bench/metrics/javascript.ts";
import { packages } from "../test/bench/metrics/packages.ts";
import { streams } from "../test/bench/metrics/streams.ts";
import { judge, type Row } from "../test/bench/row.ts";
import { header, line } from "../test/bench/table.ts";

const MEASUREMENTS: Record<string, { what: string; run: (lab: Lab) => Promise<Row[]> }> = {
  a: { what: "connect and first call, local", run: connectLocal },
  b: { what: "connect and first call, ssh", run: connectSsh },
  c: { what: "sequential calls", run: sequential },
  d: { what: "pipelined calls", run: pipelined },
  e: { what: "a 64 MiB argument", run: bulk },
  f: { what: "fan-out", run: fanOut },
  g: { what: "importing a package", run: imports },
  h: { what: "bytes on the wire", run: wire },
  i: { what: "memory", run: memory },
  j: { what: "bun and node", run: javascript },
  k: { what: "round trips of a first result", run: firstResults },
  l: { what: "bytes through a command", run: streams },
  m: { what: "copies of files", run: copies },
  n: { what: "a second run that sends a package", run: packages },
};

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
