/** l: a gigabyte through a command, in and out, over ssh on loopback beside ssh; and local beside a pipe. */
import type { Lab } from "../lab.ts";
import type { Bound, Row } from "../row.ts";
import { ourProgram, race } from "../shell.ts";

const GB = 1.073741824;

export async function streams(lab: Lab): Promise<Row[]> {
  const program = await ourProgram();
  const size = lab.quick ? GB / 4 : GB;
  const rounds = lab.quick ? 2 : 5;
  const bytes = String(size * 1e9);
  const rows: Row[] = [];
  const compare = async (title: string, ours: string, plain: string, bound: Bound) => {
    const samples = await race(lab, rounds, { ours, plain });
    const rate = (list: number[]) => list.map((taken) => (size * 1e3) / taken);
    rows.push({
      group: "l",
      title,
      unit: "MB/s",
      samples: { ours: rate(samples.ours), plain: rate(samples.plain) },
      bounds: [bound],
    });
  };
  const zeros = `head -c ${bytes} /dev/zero`;
  for (const kind of ["python", "bun"]) {
    const bun = kind === "bun" ? `--bun ${process.execPath}` : "--kind python";
    if (lab.hasSsh) {
      const { config, program: ssh } = lab.ssh as { config: string; program: string };
      const far = `${program} exec -F ${config} ${bun} bench1 --`;
      const plain = `${ssh} -F ${config} bench1`;
      const bound = { versus: "plain", atLeast: 0.9 } as const;
      await compare(
        `in, ssh, ${kind}`,
        `${zeros} | ${far} sh -c 'cat >/dev/null'`,
        `${zeros} | ${plain} 'cat >/dev/null'`,
        bound,
      );
      await compare(`out, ssh, ${kind}`, `${far} ${zeros} | cat`, `${plain} ${zeros} | cat`, bound);
    }
    const near = `${program} exec ${bun} local --`;
    const pipe = { versus: "plain", atLeast: 0.5 } as const;
    await compare(
      `in, local, ${kind}`,
      `${zeros} | ${near} sh -c 'cat >/dev/null'`,
      `${zeros} | cat | sh -c 'cat >/dev/null'`,
      pipe,
    );
    await compare(
      `out, local, ${kind}`,
      `${near} ${zeros} | cat >/dev/null`,
      `${zeros} | cat | cat >/dev/null`,
      pipe,
    );
  }
  return rows;
}
