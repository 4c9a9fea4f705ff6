/**
 * m: a folder of 1,000 small files through 13 ms each way, to and from the far side, and one large
 * file on loopback; beside what a shell has for it. All files are in memory where the machine has
 * /dev/shm: ext4 may take a file that is made ten times as long as usual, for minutes after many
 * were deleted.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Lab } from "../lab.ts";
import type { Bound, Row } from "../row.ts";
import { ourProgram, race } from "../shell.ts";

const ONE_WAY_MS = 13;
const FILES = 1000;
const FILE_BYTES = 4096;
const MEMORY = "/dev/shm";

export async function copies(lab: Lab): Promise<Row[]> {
  if (!lab.hasSsh) return [];
  const folder = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), "econtext-bench-"));
  try {
    const program = await ourProgram();
    return [
      ...(await smallFiles(lab, folder, program)),
      ...(await largeFile(lab, folder, program)),
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function smallFiles(lab: Lab, folder: string, program: string): Promise<Row[]> {
  const small = join(folder, "small");
  mkdirSync(small);
  for (let i = 0; i < FILES; i++) {
    const content = crypto.getRandomValues(new Uint8Array(FILE_BYTES));
    writeFileSync(join(small, `${String(i)}.dat`), content);
  }
  const to = join(folder, "there");
  mkdirSync(to);
  let old = 0;
  const aside = () => {
    renameSync(to, `${to}.${String(old++)}`);
    mkdirSync(to);
  };
  const { config } = (await lab.away(ONE_WAY_MS)) as { config: string };
  const hasRsync = Bun.which("rsync") !== null;
  const ours = `${program} cp -q -r -F ${config}`;
  const rsync = `rsync -a -e 'ssh -F ${config}'`;
  const rounds = lab.quick ? 2 : 5;
  const lines = (paths: string, javascript: string, tar: string): Record<string, string> => ({
    ours: `${ours} ${paths}`,
    bun: `${ours} --bun ${process.execPath} ${javascript}`,
    tar,
    ...(hasRsync && { rsync: `${rsync} ${paths}` }),
    ssh: `ssh -F ${config} bench1 true`,
  });
  const [there, here] = [`${small} bench1:${to}`, `bench1:${small} ${to}`];
  const put = await race(
    lab,
    rounds,
    lines(there, there, `tar c -C ${folder} small | ssh -F ${config} bench1 tar x -C ${to}`),
    aside,
  );
  const get = await race(
    lab,
    rounds,
    lines(here, here, `ssh -F ${config} bench1 tar c -C ${folder} small | tar x -C ${to}`),
    aside,
  );
  return [
    ...besides("1,000 files there, 13 ms", put, ["tar", "rsync", "ssh"]),
    ...besides("1,000 files here, 13 ms", get, ["tar", "rsync", "ssh"]),
  ];
}

async function largeFile(lab: Lab, folder: string, program: string): Promise<Row[]> {
  const large = join(folder, "large");
  const to = join(folder, "copies");
  const megabytes = lab.quick ? 256 : 2048;
  const chunk = crypto.getRandomValues(new Uint8Array(65536));
  await Bun.write(large, new Blob(Array.from({ length: megabytes * 16 }, () => chunk)));
  const { config } = lab.ssh as { config: string };
  const rows: Row[] = [];
  const ssh = `ssh -F ${config} bench1`;
  for (const [way, paths, cat] of [
    ["there", `${large} bench1:${to}`, `${ssh} 'cat >${to}/x' <${large}`],
    ["here", `bench1:${large} ${to}`, `${ssh} cat ${large} >${to}/x`],
  ] as const) {
    const samples = await race(
      lab,
      lab.quick ? 1 : 3,
      {
        ours: `${program} cp -q -F ${config} ${paths}`,
        bun: `${program} cp -q -F ${config} --bun ${process.execPath} ${paths}`,
        scp: `scp -q -F ${config} ${paths}`,
        cat,
      },
      () => {
        rmSync(to, { recursive: true, force: true });
        mkdirSync(to);
      },
    );
    rows.push(...besides(`${String(megabytes)} MiB ${way}`, samples, ["scp", "cat"]));
  }
  return rows;
}

const BOUNDS: Readonly<Record<string, readonly Bound[]>> = {
  tar: [{ versus: "plain", atMost: 3 }, aim(0.8)],
  rsync: [{ versus: "plain", atMost: 1 }, aim(0.8)],
  scp: [{ versus: "plain", atMost: 1.1 }, aim(0.9)],
};

function aim(atMost: number): Bound {
  return { versus: "plain", atMost, aim: true };
}

/**
 * A row for each peer (`ssh`, alone or with `cat`, is the floor), and one for a slave in Bun beside
 * the first.
 */
function besides(
  title: string,
  samples: Readonly<Record<string, number[]>>,
  peers: readonly string[],
): Row[] {
  const row = (what: string, ours: string, peer: string): Row => ({
    group: "m",
    unit: "s",
    title: what,
    samples: { ours: samples[ours] ?? [], plain: samples[peer] ?? [] },
    bounds: (ours === "ours" && BOUNDS[peer]) || [],
  });
  const [first = "", ...others] = peers;
  return [
    row(`${title}; plain is ${first}`, "ours", first),
    ...others.map((peer) => row(`… plain is ${peer}`, "ours", peer)),
    row(`… by a slave in Bun, ${first}`, "bun", first),
  ];
}
