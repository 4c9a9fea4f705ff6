/**
 * m: a folder of 1,000 small files through 13 ms each way, and one large file on loopback; beside
 * what a shell has for it.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "../lab.ts";
import type { Row } from "../row.ts";
import { ourProgram, race, seconds } from "../shell.ts";

const ONE_WAY_MS = 13;
const FILES = 1000;
const FILE_BYTES = 4096;

export async function copies(lab: Lab): Promise<Row[]> {
  if (!lab.hasSsh) return [];
  const program = await ourProgram();
  const from = lab.folder();
  const to = join(lab.folder(), "there");
  mkdirSync(to);
  let old = 0;
  // Where files were just deleted, ext4 is slow to make new ones.
  const aside = () => {
    renameSync(to, `${to}.${String(old++)}`);
    mkdirSync(to);
  };
  const again = () => {
    rmSync(to, { recursive: true });
    mkdirSync(to);
  };
  const rounds = lab.quick ? 2 : 5;

  const small = join(from, "small");
  mkdirSync(small);
  for (let i = 0; i < FILES; i++) {
    const content = crypto.getRandomValues(new Uint8Array(FILE_BYTES));
    writeFileSync(join(small, `${String(i)}.dat`), content);
  }
  const { config } = (await lab.away(ONE_WAY_MS)) as { config: string };
  const many: Record<string, number[]> = await race<string>(
    lab,
    rounds,
    {
      ours: `${program} cp -q -r -F ${config} ${small} bench1:${to}`,
      tar: `tar c -C ${from} small | ssh -F ${config} bench1 tar x -C ${to}`,
      ...(Bun.which("rsync") && { rsync: `rsync -a -e 'ssh -F ${config}' ${small} bench1:${to}` }),
    },
    aside,
  );
  aside();
  // A hundred times as slow: one sample tells.
  many.scp = [await seconds(`scp -q -r -F ${config} ${small} bench1:${to}`)];

  const large = join(from, "large");
  const megabytes = lab.quick ? 256 : 2048;
  const chunk = crypto.getRandomValues(new Uint8Array(65536));
  await Bun.write(large, new Blob(Array.from({ length: megabytes * 16 }, () => chunk)));
  const near = (lab.ssh as { config: string }).config;
  const one = await race(
    lab,
    lab.quick ? 1 : 3,
    {
      ours: `${program} cp -q -F ${near} ${large} bench1:${to}`,
      scp: `scp -q -F ${near} ${large} bench1:${to}`,
    },
    again,
  );

  const row = { group: "m", unit: "s" };
  const beside = (
    title: string,
    samples: Record<string, number[]>,
    peer: string,
    atMost: number,
  ): Row => ({
    ...row,
    title: `${title} ${peer}`,
    samples: { ours: samples.ours ?? [], plain: samples[peer] ?? [] },
    bounds: [{ versus: "plain", atMost }],
  });
  return [
    beside("1,000 files, 13 ms; tar | ssh", many, "tar", 3),
    beside("… plain is", many, "scp", 1),
    beside("… plain is", many, "rsync", 1),
    beside(`${String(megabytes)} MiB; plain is`, one, "scp", 1.1),
  ];
}
