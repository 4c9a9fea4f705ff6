/**
 * j: contexts of Bun and Node.js: connect and first call beside their own start, calls beside
 * mitogen's on Python.
 */
import type { Driver, Place, Runtime } from "../driver.ts";
import type { Lab, PeerName } from "../lab.ts";
import type { Row } from "../row.ts";
import { interleave, SUSTAINED, warmUp } from "../sample.ts";

/** How many times its own empty start a connect and a first call may take. */
const STARTS = { bun: 4, node: 1.8 } as const;
const CALLERS = ["ours", "mitogen"] as const satisfies PeerName[];

export async function javascript(lab: Lab): Promise<Row[]> {
  const rows: Row[] = [];
  for (const runs of ["bun", "node"] as const) {
    if (runs === "node" && lab.node === undefined) {
      lab.note("no Node.js here: npm ci --prefix test/nodes");
      continue;
    }
    rows.push(await connecting(lab, runs), ...(await calling(lab, runs)));
  }
  return rows;
}

async function connecting(lab: Lab, runs: "bun" | "node"): Promise<Row> {
  const to = { ...lab.local, runs };
  return lab.withPeers(["ours", "plain"], async (peers) => {
    await warmUp(peers, (peer) => peer.ask("connect", { to }));
    const samples = await interleave(lab, peers, lab.quick ? 9 : 25, async (peer) => [
      await peer.number("connect", { to }, "ms"),
    ]);
    const bounds = [{ versus: "plain", atMost: STARTS[runs] }] as const;
    return { group: "j", title: `connect + call, ${runs}`, unit: "ms", samples, bounds };
  });
}

async function calling(lab: Lab, runs: Runtime): Promise<Row[]> {
  const to: Place = { ...lab.local, runs };
  return lab.withPeers(CALLERS, async (peers) => {
    const open: Driver[] = [];
    await interleave(lab, peers, 1, async (peer) => {
      await peer.ask("open", { to });
      open.push(peer);
      return [];
    });
    await warmUp(open, (peer) => peer.ask("calls", { n: 1000 }));
    const us = await interleave(lab, open, lab.quick ? 3 : 8, async (peer) => {
      const answer = await peer.ask("calls", { n: 500 });
      return answer["us"] as number[];
    });
    const perSecond = await interleave(lab, open, lab.quick ? 2 : 5, async (peer) => [
      await peer.number("pipelined", { n: SUSTAINED, window: 1000 }, "perSecond"),
    ]);
    return [
      {
        group: "j",
        title: `call, p50, ${runs}`,
        unit: "µs",
        samples: us,
        bounds: [{ versus: "mitogen", atMost: 1 }],
      },
      {
        group: "j",
        title: `1,000 outstanding, ${runs}`,
        unit: "1/s",
        samples: perSecond,
        bounds: [{ versus: "mitogen", atLeast: 4 }],
      },
    ];
  });
}
