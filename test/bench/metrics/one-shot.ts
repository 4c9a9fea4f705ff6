/**
 * s: one command, and one script of 500 KB, each with a connection of its own: `econtext exec` and
 * `econtext sh` beside ssh alone, and beside the floor: ssh, and an interpreter that does nothing.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OUTFILE } from "../../../scripts/build.ts";
import type { Lab } from "../lab.ts";
import type { Row } from "../row.ts";

const HOST = "bench1";
const FUNCTIONS = 6_000;

export async function oneShots(lab: Lab): Promise<Row[]> {
  const place = lab.ssh;
  if (!lab.hasSsh || place.kind !== "ssh") return [];
  if (!(await Bun.file(OUTFILE).exists())) {
    lab.note("one command is not measured: npm run build makes what it runs");
    return [];
  }
  const folder = mkdtempSync(join(tmpdir(), "econtext-bench-shot-"));
  const script = join(folder, "script.sh");
  const line = (at: number): string => `f${at}() { echo "${"x".repeat(60)}"; }\n`;
  writeFileSync(script, Array.from({ length: FUNCTIONS }, (_, at) => line(at)).join(""));
  // A folder of its own: `econtext up` of this machine must not serve it.
  const env = { ...process.env, XDG_RUNTIME_DIR: folder, ECONTEXT_SSH_CONFIG: place.config };
  const take = async (argv: readonly string[], input: string): Promise<number> => {
    const began = performance.now();
    const stdio = [Bun.file(input), "ignore", "inherit"] as const;
    await using child = Bun.spawn([...argv], { env, stdio: [...stdio] });
    if ((await child.exited) !== 0) throw new Error(`${argv.join(" ")}: it failed`);
    return performance.now() - began;
  };
  const ssh = [place.program, "-F", place.config, HOST];
  const rows: Row[] = [];
  try {
    for (const { kind, path } of interpreters(lab)) {
      for (const [name, own, remote, input, atMost] of [
        ["a command", ["exec", HOST, "--", "true"], "true", "/dev/null", 1.05],
        ["a script of 500 KB", ["sh", HOST], "sh -s", script, 1.2],
      ] as const) {
        const [command = "", ...words] = own;
        const ours = [OUTFILE, command, `--${kind}=${path}`, ...words];
        const idle = kind === "python" ? "-BSc 'import zlib, select'" : "-e 0";
        const samples = { ours: [] as number[], plain: [] as number[] };
        const floor = { ours: samples.ours, plain: [] as number[] };
        for (let round = 0; round <= (lab.quick ? 5 : 21); round++) {
          const taken = [
            await take(ours, input),
            await take([...ssh, remote], input),
            await take([...ssh, `${path} ${idle} </dev/null; ${remote}`], input),
          ];
          // The first is not measured.
          if (round === 0) continue;
          samples.ours.push(taken[0] as number);
          samples.plain.push(taken[1] as number);
          floor.plain.push(taken[2] as number);
        }
        const common = { group: "s", unit: "ms" };
        const title = `${name}, ${kind}, beside ssh`;
        const aim = { versus: "plain", atMost, aim: true } as const;
        rows.push({ ...common, title, samples, bounds: [aim] });
        const bare = `${name}, ${kind}, beside ssh and it idle`;
        rows.push({ ...common, title: bare, samples: floor, bounds: [] });
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return rows;
}

function interpreters(lab: Lab): readonly { readonly kind: string; readonly path: string }[] {
  const node = lab.node === undefined ? [] : [{ kind: "node", path: lab.node }];
  return [
    { kind: "python", path: process.env["BENCH_PYTHON"] ?? "/usr/bin/python3" },
    { kind: "bun", path: process.execPath },
    ...node,
  ];
}
