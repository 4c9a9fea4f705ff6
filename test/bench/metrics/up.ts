/**
 * q: a script of 50 commands on one host: `econtext exec` with what `econtext up` keeps, beside ssh
 * with a ControlMaster. Both have one connection, which is open before. The floor is a script of 50
 * programs in Bun that only ask a socket of this machine.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, OUTFILE, ROOT } from "../../../scripts/build.ts";
import type { Place } from "../driver.ts";
import { type Lab, ONE_WAY_MS } from "../lab.ts";
import type { Row } from "../row.ts";

const HOST = "bench1";
const COMMANDS = 50;
const LOOP = `i=0; while [ $i -lt ${COMMANDS} ]; do "$@" >/dev/null </dev/null || exit 1; i=$((i+1)); done`;

type SshPlace = Extract<Place, { kind: "ssh" }>;

export async function scripts(lab: Lab): Promise<Row[]> {
  const place = lab.ssh;
  if (!lab.hasSsh || place.kind !== "ssh") return [];
  const near = await scriptOn(lab, place);
  const far = lab.slow;
  return far.kind === "ssh" ? [...near, ...(await scriptOn(lab, far, ONE_WAY_MS))] : near;
}

/** @param ms to the host, one way */
async function scriptOn(lab: Lab, place: SshPlace, ms = 0): Promise<Row[]> {
  const { config, program } = place;
  if (!(await Bun.file(OUTFILE).exists())) {
    lab.note("a script of commands is not measured: npm run build makes what it runs");
    return [];
  }
  const folder = mkdtempSync(join(tmpdir(), "econtext-bench-up-"));
  const env = { ...process.env, XDG_RUNTIME_DIR: folder, ECONTEXT_SSH_CONFIG: config };
  const run = async (argv: readonly string[]): Promise<void> => {
    await using child = Bun.spawn([...argv], { env, stdio: ["ignore", "ignore", "inherit"] });
    if ((await child.exited) !== 0) throw new Error(`${argv.join(" ")}: it failed`);
  };
  const ssh = [program, "-F", config, "-o", `ControlPath=${join(folder, "master")}`];
  const peers = {
    ours: [OUTFILE, "exec", HOST, "--", "uname"],
    plain: [...ssh, HOST, "uname"],
    floor: [join(folder, "client"), join(folder, "socket")],
  };
  const samples: Record<keyof typeof peers, number[]> = { ours: [], plain: [], floor: [] };
  const answers = (socket: Bun.Socket): void => void socket.write("Linux");
  const server = Bun.listen({ unix: join(folder, "socket"), socket: { data: answers } });
  try {
    await build(join(folder, "client"), join(ROOT, "test", "bench", "drivers", "asks-socket.ts"));
    await run([OUTFILE, "up", HOST]);
    await run([...ssh, "-fN", "-o", "ControlMaster=yes", HOST]);
    for (let round = 0; round <= (lab.quick ? 3 : 9); round++) {
      for (const name of ["ours", "plain", "floor"] as const) {
        const began = performance.now();
        await run(["sh", "-c", LOOP, "sh", ...peers[name]]);
        // The first is not measured.
        if (round > 0) samples[name].push(performance.now() - began);
      }
    }
  } finally {
    server.stop(true);
    await run([OUTFILE, "down"]).catch(() => {});
    await run([...ssh, "-O", "exit", HOST]).catch(() => {});
    rmSync(folder, { recursive: true, force: true });
  }
  const where = ms === 0 ? "" : `, ${ms} ms away`;
  const title = `${COMMANDS} commands, beside ControlMaster${where}`;
  const bounds = [
    { versus: "plain", atMost: 0.7 },
    { versus: "plain", atMost: 0.4, aim: true },
  ] as const;
  const { ours, plain, floor } = samples;
  const row = { group: "q", title, unit: "ms", samples: { ours, plain }, bounds };
  const least = `${COMMANDS} clients that only ask a socket of this machine`;
  // Where the host is makes no difference to it.
  if (ms > 0) return [row];
  return [row, { group: "q", title: least, unit: "ms", samples: { ours: floor, plain } }];
}
