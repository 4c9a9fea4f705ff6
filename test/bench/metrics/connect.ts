/**
 * a, b: connect and first call, here, over ssh, and over ssh from 25 ms away. h: what that puts on
 * the wire.
 */
import type { Place } from "../driver.ts";
import { type Lab, PEERS, type PeerName } from "../lab.ts";
import type { Bound, Row } from "../row.ts";
import { interleave, warmUp } from "../sample.ts";

async function connects(
  lab: Lab,
  to: Place,
  rounds: number,
  row: { group: string; title: string; bounds: readonly Bound[] },
): Promise<Row> {
  return lab.withPeers(PEERS, async (peers) => {
    await warmUp(peers, (peer) => peer.ask("connect", { to }));
    const samples = await interleave(lab, peers, rounds, async (peer) => [
      await peer.number("connect", { to }, "ms"),
    ]);
    return { ...row, unit: "ms", samples };
  });
}

export async function connectLocal(lab: Lab): Promise<Row[]> {
  const bounds: Bound[] = [
    { versus: "mitogen", atMost: 0.25 },
    { versus: "execnet", atMost: 1 },
    { versus: "plain", atMost: 2, aim: true },
  ];
  const row = { group: "a", title: "connect + call, local", bounds };
  return [await connects(lab, lab.local, lab.quick ? 9 : 25, row)];
}

export async function connectSsh(lab: Lab): Promise<Row[]> {
  if (!lab.hasSsh) return [];
  const near = {
    group: "b",
    title: "connect + call, ssh",
    bounds: [{ versus: "plain", atMost: 1.1 }] as const,
  };
  const far = {
    group: "b",
    title: "… 25 ms away",
    bounds: [{ versus: "plain", atMost: 1.05 }] as const,
  };
  const there = await connects(lab, lab.ssh, lab.quick ? 4 : 15, near);
  const rounds = lab.quick ? 2 : 7;
  const away = await connects(lab, lab.slow, rounds, far);
  return [there, away, await answers(lab, away, rounds)];
}

/**
 * The same beside a plain ssh that one line of stdin goes through. sshd opens its window for stdin
 * only when the command has started, so a peer that sends anything after the command line pays
 * one round trip more than a peer that sends nothing.
 */
async function answers(lab: Lab, away: Row, rounds: number): Promise<Row> {
  const floor = await lab.withPeers(["plain"], (peers) =>
    interleave(lab, peers, rounds, async (peer) => [
      await peer.number("answer", { to: lab.slow }, "ms"),
    ]),
  );
  const { ours = [] } = away.samples;
  const bounds = [{ versus: "plain", atMost: 1.05, aim: true }] as const;
  const title = "… with a line of stdin";
  return { ...away, title, samples: { ours, ...floor }, bounds };
}

export async function wire(lab: Lab): Promise<Row[]> {
  if (!lab.hasSsh) return [];
  const rows = {
    command: { title: "remote command line, of python3", bounds: [{ atMost: 411 }] },
    in: { title: "bytes to the slave", bounds: [] },
    out: { title: "bytes from the slave", bounds: [] },
  };
  const measured = ["ours", "mitogen", "execnet"] as const satisfies PeerName[];
  return lab.withPeers(measured, async (peers) => {
    const columns = { command: {}, in: {}, out: {} } as Record<keyof typeof rows, Row["samples"]>;
    await interleave(lab, peers, 1, async (peer) => {
      await peer.ask("open", { to: lab.counting });
      const counts = lab.takeCounts();
      await peer.ask("close");
      lab.takeCounts();
      for (const key of Object.keys(columns) as (keyof typeof rows)[]) {
        columns[key][peer.name as PeerName] = [counts[key]];
      }
      return [];
    });
    return (Object.keys(rows) as (keyof typeof rows)[]).map((key) => ({
      group: "h",
      unit: "B",
      samples: columns[key],
      ...rows[key],
    }));
  });
}
