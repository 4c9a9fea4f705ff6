/**
 * p, its bytes: the rate that a further hop leaves, and the processor time that it takes. The
 * column `plain` has the least that can stand in the place of such a hop: ssh that starts ssh, or
 * `cat`.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab as Network } from "../../lab/lab.ts";
import type { Driver, Place } from "../driver.ts";
import type { Lab } from "../lab.ts";
import { belongings, processesOf, processorSeconds } from "../proc.ts";
import type { Row } from "../row.ts";
import { seconds } from "../shell.ts";

const MIB = 1 << 20;
const ARGUMENT = 16 * MIB;
const GIB = 1 << 30;

/** A command that prints so many bytes. */
const zeros = (bytes: number): string => `head -c ${String(bytes)} /dev/zero`;

/** Bytes through two hops that are two ssh connections, beside `ssh HOST ssh HOST2 cat`. */
export async function throughSsh(lab: Lab, network: Network): Promise<Row[]> {
  const calls = lab.quick ? 24 : 64;
  const size = calls * ARGUMENT;
  const ours: number[] = [];
  const plain: number[] = [];
  const processors: Record<"ours" | "plain", number[]> = { ours: [], plain: [] };

  const bulk = (path: string): Promise<number> =>
    lab.withPeers(["ours"], async ([peer]) => {
      if (peer === undefined) return Number.NaN;
      await peer.ask("open", { to: { kind: "path", config: network.configPath, path } });
      await peer.number("bulk", { bytes: ARGUMENT, n: 4 }, "ms");
      const before = busySeconds(peer);
      const ms = await peer.number("bulk", { bytes: ARGUMENT, n: calls }, "ms");
      const after = busySeconds(peer);
      if (path.includes("/")) {
        for (const name of ["ours", "plain"] as const) {
          processors[name].push(((after[name] - before[name]) * GIB) / size);
        }
      }
      return size / ms;
    });
  const ssh = async (rest: string): Promise<number> => {
    const line = (bytes: number) =>
      seconds(`${zeros(bytes)} | ssh -F ${network.configPath} bastion ${rest}`);
    const connecting = await line(1);
    return size / ((await line(size)) - connecting);
  };

  for (let round = 0; round < (lab.quick ? 2 : 5); round++) {
    const one = await bulk("bastion");
    ours.push((await bulk("bastion/web1")) / one);
    const plainOne = await ssh("'cat >/dev/null'");
    plain.push((await ssh(`"ssh -o BatchMode=yes web1 'cat >/dev/null'"`)) / plainOne);
  }
  return [
    {
      group: "p",
      unit: "×",
      title: "bytes, two hops over one",
      samples: { ours, plain },
      bounds: [{ atLeast: 0.6 }, { versus: "plain", atLeast: 1 }],
    },
    { group: "p", unit: "s", title: "… processors, 1 GiB: us, ssh", samples: processors },
  ];
}

/** Processor time so far of econtext, at both ends and in the hop, and of ssh and sshd. */
function busySeconds({ pid }: Driver): Record<"ours" | "plain", number> {
  const ssh = processesOf("ssh", "sshd");
  const ours = [pid, ...belongings(pid)].filter((one) => !ssh.includes(one));
  const sum = (list: readonly number[]) =>
    list.reduce((total, one) => total + processorSeconds(one), 0);
  return { ours: sum(ours), plain: sum(ssh) };
}

/** A program that starts Python with its input by way of `cat`. @returns its path */
function pythonBehindCat(lab: Lab): string {
  const path = join(lab.folder(), "python");
  writeFileSync(path, `#!/bin/sh\ncat | ${lab.python} "$@"\n`, { mode: 0o700 });
  return path;
}

/**
 * Bytes through a local hop that JavaScript runs, and through `cat` in its place, in times of a
 * context without one.
 */
export async function throughJavascript(
  lab: Lab,
  hops: readonly ("node" | "bun")[],
): Promise<Row[]> {
  const rateOf = (to: Place): Promise<number> =>
    lab.withPeers(["ours"], async ([peer]) => {
      await peer?.ask("open", { to });
      const rate = async (n: number): Promise<number> =>
        n / ((await peer?.number("bulk", { bytes: ARGUMENT, n }, "ms")) ?? Number.NaN);
      await rate(8);
      return rate(32);
    });
  const behindCat: Place = { kind: "local", interpreter: pythonBehindCat(lab) };
  const rows: Row[] = [];
  for (const hop of hops) {
    const samples: Record<"ours" | "plain", number[]> = { ours: [], plain: [] };
    for (let round = 0; round < (lab.quick ? 3 : 7); round++) {
      const direct = await rateOf(lab.local);
      samples.ours.push((await rateOf({ kind: "behind", hop })) / direct);
      samples.plain.push((await rateOf(behindCat)) / direct);
    }
    const title = `bytes, a hop of ${hop} over none`;
    rows.push({ group: "p", unit: "×", title, samples, bounds: [{ atLeast: 0.6 }] });
  }
  return rows;
}
