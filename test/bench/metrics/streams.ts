/**
 * l: a GiB through a command, in and out, over ssh on loopback beside ssh; and four of them local,
 * beside a pipe. The program's start is part of it. Under each rate stands the processor time of
 * both ends, ssh and sshd included: divided by the processors, it is the least time there can be.
 */
import type { Lab } from "../lab.ts";
import type { Row } from "../row.ts";
import { ourProgram, race } from "../shell.ts";

const GB = 1.073741824;
export async function streams(lab: Lab): Promise<Row[]> {
  const program = await ourProgram();
  const [size, rounds] = lab.quick ? [GB / 4, 2] : [GB, 5];
  const head = (times: number): string => `head -c ${String(times * size * 1e9)} /dev/zero`;
  const rows: Row[] = [];
  const compare = async (
    title: string,
    times: number,
    least: number,
    ours: string,
    plain: string,
  ) => {
    const processors: Record<"ours" | "plain", number[]> = { ours: [], plain: [] };
    let there = 0;
    const samples = await race(
      lab,
      rounds,
      { ours, plain },
      () => {
        there = lab.serverSeconds;
      },
      async (name, taken) => {
        // Until the server has waited for the connection's processes.
        await Bun.sleep(200);
        const all = taken.processors + lab.serverSeconds - there;
        processors[name].push(all / ((times * size) / GB));
      },
    );
    const rate = (list: number[]) => list.map((taken) => (times * size * 1e3) / taken);
    const rates = { ours: rate(samples.ours), plain: rate(samples.plain) };
    const bounds = [{ versus: "plain", atLeast: least }] as const;
    rows.push({ group: "l", title, unit: "MB/s", samples: rates, bounds });
    rows.push({ group: "l", title: "… processors, 1 GiB", unit: "s", samples: processors });
  };
  const [zeros, many] = [head(1), head(4)];
  for (const kind of ["python", "bun"]) {
    const isBun = kind === "bun";
    const bun = isBun ? `--bun ${process.execPath}` : "--kind python";
    if (lab.hasSsh) {
      const { config, program: ssh } = lab.ssh as { config: string; program: string };
      const far = `${program} exec -F ${config} ${bun} bench1 --`;
      const plain = `${ssh} -F ${config} bench1`;
      await compare(
        `in, ssh, ${kind}`,
        1,
        isBun ? 0.85 : 0.95,
        `${zeros} | ${far} sh -c 'cat >/dev/null'`,
        `${zeros} | ${plain} 'cat >/dev/null'`,
      );
      await compare(
        `out, ssh, ${kind}`,
        1,
        isBun ? 0.85 : 0.95,
        `${far} ${zeros} | cat`,
        `${plain} ${zeros} | cat`,
      );
    }
    const near = `${program} exec ${bun} local --`;
    await compare(
      `in, local, ${kind}`,
      4,
      isBun ? 0.5 : 0.6,
      `${many} | ${near} sh -c 'cat >/dev/null'`,
      `${many} | cat | sh -c 'cat >/dev/null'`,
    );
    await compare(
      `out, local, ${kind}`,
      4,
      isBun ? 0.5 : 0.6,
      `${near} ${many} | cat >/dev/null`,
      `${many} | cat | cat >/dev/null`,
    );
  }
  return rows;
}
