/**
 * l: a GiB through a command, in and out, over ssh on loopback beside ssh; and four of them local,
 * beside a pipe. The program's start is part of it. Under each rate stands the processor time of
 * both ends, ssh and sshd included: divided by the processors, it is the least time there can be.
 * The floor is ssh with a `cat` in the place of each process of ours.
 */
import type { Runtime } from "../driver.ts";
import type { Lab } from "../lab.ts";
import type { Row } from "../row.ts";
import { ourProgram, race } from "../shell.ts";

const GIB = 2 ** 30;

/** Lines of `sh` that move the same bytes. */
interface Lines {
  readonly title: string;
  readonly bytes: number;
  /** How many times as fast as `plain` ours is to be. */
  readonly least: number;
  readonly ours: string;
  readonly plain: string;
  /** The floor, if it is to be measured. */
  readonly floor?: string;
}

export async function streams(lab: Lab): Promise<Row[]> {
  const program = await ourProgram();
  const rows: Row[] = [];
  const node = lab.node === undefined ? [] : (["node"] as const);
  for (const kind of ["python", "bun", ...node] as const) {
    const options = {
      python: "--kind python",
      bun: `--bun ${process.execPath}`,
      node: `--node ${lab.node}`,
    };
    const run = `${program} exec ${options[kind]}`;
    if (lab.hasSsh) {
      for (const lines of overSsh(lab, run, kind)) rows.push(...(await compare(lab, lines)));
    }
    for (const lines of local(lab, run, kind)) rows.push(...(await compare(lab, lines)));
  }
  return rows;
}

function* overSsh(lab: Lab, run: string, kind: Runtime): Generator<Lines> {
  const { config, program } = lab.ssh as { config: string; program: string };
  const far = `${run} -F ${config} bench1 --`;
  const ssh = `${program} -F ${config} bench1`;
  const bytes = lab.quick ? GIB / 4 : GIB;
  const head = `head -c ${bytes} /dev/zero`;
  const least = kind === "python" ? 0.95 : 0.85;
  const isFirst = kind === "python";
  yield {
    title: `in, ssh, ${kind}`,
    bytes,
    least,
    ours: `${head} | ${far} sh -c 'cat >/dev/null'`,
    plain: `${head} | ${ssh} 'cat >/dev/null'`,
    ...(isFirst && { floor: `${head} | cat | ${ssh} 'cat | cat >/dev/null'` }),
  };
  yield {
    title: `out, ssh, ${kind}`,
    bytes,
    least,
    ours: `${far} ${head} | cat`,
    plain: `${ssh} ${head} | cat`,
    ...(isFirst && { floor: `${ssh} '${head} | cat' | cat | cat` }),
  };
}

function* local(lab: Lab, run: string, kind: Runtime): Generator<Lines> {
  const near = `${run} local --`;
  const bytes = lab.quick ? GIB : 4 * GIB;
  const head = `head -c ${bytes} /dev/zero`;
  const least = kind === "python" ? 0.6 : 0.5;
  yield {
    title: `in, local, ${kind}`,
    bytes,
    least,
    ours: `${head} | ${near} sh -c 'cat >/dev/null'`,
    plain: `${head} | cat | sh -c 'cat >/dev/null'`,
  };
  yield {
    title: `out, local, ${kind}`,
    bytes,
    least,
    ours: `${near} ${head} | cat >/dev/null`,
    plain: `${head} | cat | cat >/dev/null`,
  };
}

async function compare(
  lab: Lab,
  { title, bytes, least, ours, plain, floor }: Lines,
): Promise<Row[]> {
  const lines: Record<string, string> = { ours, plain, ...(floor !== undefined && { floor }) };
  const processors: Record<string, number[]> = { ours: [], plain: [], floor: [] };
  let server = 0;
  const taken: Record<string, number[]> = await race<string>(
    lab,
    lab.quick ? 2 : 5,
    lines,
    () => {
      server = lab.serverSeconds;
    },
    async (name, { processors: here }) => {
      // Until the server has waited for the connection's processes.
      await Bun.sleep(200);
      processors[name]?.push(((here + lab.serverSeconds - server) * GIB) / bytes);
    },
  );
  const rates = (name: string) => (taken[name] ?? []).map((seconds) => bytes / 1e6 / seconds);
  const both = (of: (name: string) => number[], name: string) => ({
    ours: of(name),
    plain: of("plain"),
  });
  const seconds = (name: string) => processors[name] ?? [];
  const rate = { group: "l", unit: "MB/s" } as const;
  const spent = { group: "l", unit: "s", title: "… processors, 1 GiB" } as const;
  const bounds = [{ versus: "plain", atLeast: least }] as const;
  return [
    { ...rate, title, samples: both(rates, "ours"), bounds },
    { ...spent, samples: both(seconds, "ours") },
    ...(floor === undefined
      ? []
      : [
          { ...rate, title: "… with cat in our place", samples: both(rates, "floor") },
          { ...spent, samples: both(seconds, "floor") },
        ]),
  ];
}
