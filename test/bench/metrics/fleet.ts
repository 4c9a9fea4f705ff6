/**
 * r: the command line on many targets, beside the programs that a sysadmin would take; and what
 * econtext itself takes for them. The hosts are names of one server on this machine, so that its
 * processors do the work of both ends: what counts is processor time.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { OUTFILE } from "../../../scripts/build.ts";
import { fold } from "../../../src/fleet/fold.ts";
import { defaultWindow } from "../../../src/fleet/window.ts";
import type { Lab } from "../lab.ts";
import { memoryMb } from "../proc.ts";
import type { Bound, Row } from "../row.ts";

const HOSTS = 100;
const FEW_HOSTS = 40;
const TARGETS = 1000;
const RESULTS = 10_000;
/** Contexts that are open before the growth is measured, and while it is. */
const [FIRST, MORE] = [100, 200] as const;
const POLL_MS = 20;
const PYTHON = process.env["BENCH_PYTHON"] ?? "/usr/bin/python3";
/** What an interpreter costs that does nothing else, with the flags that a slave has. */
const START = `-B -S -c 'import os; os.write(1, b"Linux\\n")'`;

export async function fleets(lab: Lab): Promise<Row[]> {
  if (!(await Bun.file(OUTFILE).exists())) {
    lab.note("commands on many targets are not measured: npm run build makes what runs them");
    return [];
  }
  const rows = [...(await besides(lab)), ...(await thousand(lab)), await growth(lab)];
  return [...rows, foldRow()];
}

/** Ours and each of the others in turn. */
async function besides(lab: Lab): Promise<Row[]> {
  const place = lab.ssh;
  if (!lab.hasSsh || place.kind !== "ssh") return [];
  const { config, program } = place;
  const count = lab.quick ? FEW_HOSTS : HOSTS;
  const window = Math.min(defaultWindow(), count);
  const names = Array.from({ length: count }, (_, at) => `bench${at + 1}`);
  const hosts = join(lab.folder(), "hosts");
  await Bun.write(hosts, `${names.join("\n")}\n`);
  const xargs = `xargs -a ${hosts} -P ${window} -I{} ${program} -n -F ${config} {}`;
  const set = `bench[1-${count}]`;
  const pssh = Bun.which("pssh") ?? Bun.which("parallel-ssh");
  const ours = `${OUTFILE} exec -n -j ${window} -F ${config} --fold '${set}' -- uname`;
  const others: readonly (readonly [string, string | undefined, readonly Bound[]])[] = [
    ["ssh", `${xargs} uname`, [{ versus: "plain", atMost: 1.1, aim: true }]],
    [
      "ssh and a Python",
      `${xargs} ${JSON.stringify(`${PYTHON} ${START}`)}`,
      [{ versus: "plain", atMost: 1.1, aim: true }],
    ],
    [
      "clush",
      Bun.which("clush") === null
        ? undefined
        : `clush -b -f ${window} -o '-F ${config}' -w '${set}' uname`,
      [{ versus: "plain", atMost: 1.1, aim: true }],
    ],
    [
      "pssh",
      pssh === null ? undefined : `${pssh} -p ${window} -i -x '-F ${config}' -h ${hosts} uname`,
      [{ versus: "plain", atMost: 1.1, aim: true }],
    ],
  ];
  const times = new Map<string, number[]>([["ours", []]]);
  for (let round = 0; round <= (lab.quick ? 2 : 5); round++) {
    for (const [name, line] of [["ours", ours] as const, ...others]) {
      if (line === undefined) continue;
      const began = performance.now();
      await run(["bash", "-c", line]);
      const ms = performance.now() - began;
      // The first is not measured.
      if (round > 0) times.set(name, [...(times.get(name) ?? []), ms]);
    }
  }
  return others.map(([name, , bounds]): Row => {
    const plain = times.get(name);
    if (plain === undefined) lab.note(`${name} is not measured: it is not installed`);
    const samples = { ours: times.get("ours") ?? [], ...(plain && { plain }) };
    return { group: "r", title: `${count} hosts; plain: ${name}`, unit: "ms", samples, bounds };
  });
}

/** A run on many targets whose `ssh` runs the command here. */
async function thousand(lab: Lab): Promise<Row[]> {
  const place = lab.direct;
  const program = place.kind === "ssh" ? place.program : "";
  const count = lab.quick ? TARGETS / 5 : TARGETS;
  const options = ["-n", "--ssh", program, "--python", PYTHON, "--fold"];
  const argv = ["exec", ...options, `host[1-${count}]`, "--", "uname"];
  await using child = Bun.spawn([OUTFILE, ...argv], { stdio: ["ignore", "pipe", "inherit"] });
  let [memory, most] = [0, 0];
  const timer = setInterval(() => {
    memory = Math.max(memory, memoryMb(child.pid, "VmHWM") || 0);
    most = Math.max(most, childrenOf(child.pid));
  }, POLL_MS);
  const text = await child.stdout.text();
  clearInterval(timer);
  const status = await child.exited;
  if (status !== 0 || !text.startsWith(`==> host[1-${count}] (${count}) <==`)) {
    throw new Error(`${count} targets: status ${status}, and they say ${text.slice(0, 200)}`);
  }
  const row = { group: "r", title: `${count} targets: peak memory`, unit: "MiB" };
  return [
    { ...row, samples: { ours: [memory] }, bounds: [{ atMost: 250 }] },
    {
      ...row,
      title: "… most at a time",
      unit: "",
      samples: { ours: [most] },
      bounds: [{ atMost: defaultWindow() }],
    },
  ];
}

/** What each further open context takes of the memory of this end. */
async function growth(lab: Lab): Promise<Row> {
  const to = lab.direct;
  const kilobytes = await lab.withPeers(["ours"], async ([driver]) => {
    if (driver === undefined) return Number.NaN;
    const before = await driver.number("grow", { to, n: FIRST }, "kilobytes");
    const after = await driver.number("grow", { to, n: MORE }, "kilobytes");
    await driver.ask("close");
    return (after - before) / MORE;
  });
  const samples = { ours: [kilobytes] };
  return {
    group: "r",
    title: "each further context",
    unit: "KiB",
    samples,
    bounds: [{ atMost: 120 }],
  };
}

/** Results that are in memory, as `--fold` groups them. */
function foldRow(): Row {
  const report = "line of a report\n".repeat(200);
  const items = Array.from({ length: RESULTS }, (_, at) => ({
    name: `web${at}`,
    value: ["", undefined, 0, Buffer.from(`${report}${at % 97}`), new Uint8Array(0), [at % 3]],
  }));
  const began = performance.now();
  const groups = fold(items);
  const ms = performance.now() - began;
  if (groups.length !== 291) throw new Error(`${groups.length} groups, and not 291`);
  const title = `${RESULTS.toLocaleString("en-US")} results are folded`;
  return { group: "r", title, unit: "ms", samples: { ours: [ms] }, bounds: [{ atMost: 500 }] };
}

function childrenOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.trim().split(" ").filter(Boolean).length;
  } catch {
    return 0;
  }
}

async function run(argv: readonly string[]): Promise<void> {
  await using child = Bun.spawn([...argv], { stdio: ["ignore", "pipe", "pipe"] });
  const [text, said] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const status = await child.exited;
  if (status !== 0 || !text.includes("Linux")) {
    throw new Error(`${argv.at(-1)}: status ${status}: ${said.slice(0, 300)}`);
  }
}
