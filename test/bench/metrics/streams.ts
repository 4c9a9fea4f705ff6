/**
 * l: a GiB through a command, in and out, over ssh on loopback beside ssh; and four of them local,
 * beside a pipe. The program's start is part of it.
 */
import type { Lab } from "../lab.ts";
import { type Bound, quantile, type Row } from "../row.ts";
import { ourProgram, race } from "../shell.ts";

const GB = 1.073741824;
/**
 * What a local context has to carry, unless half of what a pipe carries is less: 600 MiB/s, in
 * MB/s.
 */
const LOCAL = 629;

export async function streams(lab: Lab): Promise<Row[]> {
  const program = await ourProgram();
  const [size, rounds] = lab.quick ? [GB / 4, 2] : [GB, 5];
  const head = (times: number): string => `head -c ${String(times * size * 1e9)} /dev/zero`;
  const rows: Row[] = [];
  const compare = async (title: string, times: number, ours: string, plain: string) => {
    const samples = await race(lab, rounds, { ours, plain });
    const rate = (list: number[]) => list.map((taken) => (times * size * 1e3) / taken);
    const rates = { ours: rate(samples.ours), plain: rate(samples.plain) };
    const isLocal = times > 1;
    const least = isLocal ? 0.5 : 0.9;
    const bound: Bound =
      isLocal && quantile(rates.plain, 0.5) * least > LOCAL
        ? { atLeast: LOCAL }
        : { versus: "plain", atLeast: least };
    rows.push({ group: "l", title, unit: "MB/s", samples: rates, bounds: [bound] });
  };
  const [zeros, many] = [head(1), head(4)];
  for (const kind of ["python", "bun"]) {
    const bun = kind === "bun" ? `--bun ${process.execPath}` : "--kind python";
    if (lab.hasSsh) {
      const { config, program: ssh } = lab.ssh as { config: string; program: string };
      const far = `${program} exec -F ${config} ${bun} bench1 --`;
      const plain = `${ssh} -F ${config} bench1`;
      await compare(
        `in, ssh, ${kind}`,
        1,
        `${zeros} | ${far} sh -c 'cat >/dev/null'`,
        `${zeros} | ${plain} 'cat >/dev/null'`,
      );
      await compare(`out, ssh, ${kind}`, 1, `${far} ${zeros} | cat`, `${plain} ${zeros} | cat`);
    }
    const near = `${program} exec ${bun} local --`;
    await compare(
      `in, local, ${kind}`,
      4,
      `${many} | ${near} sh -c 'cat >/dev/null'`,
      `${many} | cat | sh -c 'cat >/dev/null'`,
    );
    await compare(
      `out, local, ${kind}`,
      4,
      `${near} ${many} | cat >/dev/null`,
      `${many} | cat | cat >/dev/null`,
    );
  }
  return rows;
}
