/**
 * c: one call after the other. d: many outstanding. e: a large argument. i: the memory of a context
 * that does nothing.
 */
import type { Driver } from "../driver.ts";
import { type Lab, PEERS, type PeerName } from "../lab.ts";
import { belongings, type Memory, memoryMb } from "../proc.ts";
import type { Row, Samples } from "../row.ts";
import { interleave, SUSTAINED, warmUp } from "../sample.ts";

const CALLERS = ["ours", "mitogen", "execnet"] as const satisfies PeerName[];
const MIB = 1 << 20;
const BULK_BYTES = 64 * MIB;

/** Opens a local context in each peer. @returns the slaves' pids. */
async function openAll(lab: Lab, peers: readonly Driver[]): Promise<Map<Driver, number>> {
  const slaves = new Map<Driver, number>();
  await interleave(lab, peers, 1, async (peer) => {
    slaves.set(peer, await peer.number("open", { to: lab.local }, "pid"));
    return [];
  });
  return slaves;
}

export async function sequential(lab: Lab): Promise<Row[]> {
  return lab.withPeers(CALLERS, async (peers) => {
    const open = [...(await openAll(lab, peers)).keys()];
    // What the compilers of JavaScript do in the first calls is a matter of "connect and call".
    await warmUp(open, (peer) => peer.ask("calls", { n: 2000 }));
    const samples = await interleave(lab, open, lab.quick ? 6 : 20, async (peer) => {
      const { us } = await peer.ask("calls", { n: 500 });
      return us as number[];
    });
    const row = { group: "c", unit: "µs", samples };
    return [
      { ...row, title: "call, p50", bounds: [{ versus: "mitogen", atMost: 0.5 }] },
      { ...row, title: "… p90", quantile: 0.9 },
      { ...row, title: "… p99", quantile: 0.99, bounds: [{ versus: "execnet", atMost: 1 }] },
      { ...row, title: "… p99.9", quantile: 0.999 },
    ];
  });
}

export async function pipelined(lab: Lab): Promise<Row[]> {
  return lab.withPeers(CALLERS, async (peers) => {
    const open = [...(await openAll(lab, peers)).keys()];
    const samples = await interleave(lab, open, lab.quick ? 2 : 5, async (peer) => [
      await peer.number("pipelined", { n: SUSTAINED, window: 1000 }, "perSecond"),
    ]);
    // 62,000 is what rpyc does on the machine where the bound was set: the one bare number here.
    const bounds = [
      { versus: "mitogen", atLeast: 3.5 } as const,
      { versus: "execnet", atLeast: 1.3 } as const,
      { atLeast: 62_000, aim: true } as const,
    ];
    return [{ group: "d", title: "calls, 1,000 outstanding", unit: "1/s", samples, bounds }];
  });
}

export async function bulk(lab: Lab): Promise<Row[]> {
  return [...(await besidePeers(lab)), ...(await inOnePiece(lab))];
}

function besidePeers(lab: Lab): Promise<Row[]> {
  return lab.withPeers(PEERS, async (peers) => {
    const slaves = await openAll(lab, peers);
    const send = (n: number) =>
      interleave(lab, [...slaves.keys()], lab.quick ? 2 : 5, async (peer) => [
        BULK_BYTES / 1e3 / (await peer.number("bulk", { bytes: BULK_BYTES / n, n }, "ms")),
      ]);
    const speed = await send(1);
    const peak = (ofMaster: boolean): Samples => memories(slaves, "VmHWM", ofMaster, ["plain"]);
    const bounds = [{ atMost: (4 * BULK_BYTES) / MIB }] as const;
    const faster = [{ versus: "execnet", atLeast: 1 }] as const;
    const rows: Row[] = [
      { group: "e", title: "64 MiB argument", unit: "MB/s", samples: speed, bounds: faster },
      { group: "e", title: "… peak of the master", unit: "MiB", samples: peak(true), bounds },
      { group: "e", title: "… peak of the slave", unit: "MiB", samples: peak(false), bounds },
    ];
    if (lab.quick) return rows;
    // Pieces are what execnet does best with, so that ours is not compared with its bad day only.
    rows.push({ group: "e", title: "… in 64 pieces", unit: "MB/s", samples: await send(64) });
    return rows;
  });
}

/** How fast 64 MiB are as one argument or one result, over the same in 64. */
async function inOnePiece(lab: Lab): Promise<Row[]> {
  const rows: Row[] = [];
  for (const runs of ["python", "bun", "node"] as const) {
    if (runs === "node" && lab.node === undefined) continue;
    await lab.withPeers(["ours"], async ([ours]) => {
      if (ours === undefined) return;
      await ours.ask("open", { to: { ...lab.local, runs } });
      for (const [op, what] of [
        ["bulk", "argument"],
        ["results", "result"],
      ] as const) {
        const time = (n: number) => ours.number(op, { bytes: BULK_BYTES / n, n }, "ms");
        const ratios: number[] = [];
        for (let round = 0; round < (lab.quick ? 3 : 9); round++) {
          const pieces = await time(64);
          ratios.push(pieces / (await time(1)));
        }
        const bounds = [{ atLeast: 0.5 }] as const;
        const title = `one ${what} over 64, ${runs}`;
        rows.push({ group: "e", title, unit: "×", samples: { ours: ratios }, bounds });
      }
    });
  }
  return rows;
}

export async function memory(lab: Lab): Promise<Row[]> {
  return lab.withPeers(PEERS, async (peers) => {
    const slaves = await openAll(lab, peers);
    const helpers = (what: Memory): Samples => {
      const samples: Samples = {};
      for (const [driver, slave] of slaves) {
        const others = belongings(driver.pid).filter((pid) => pid !== slave);
        const sum = others.reduce((mb, pid) => mb + memoryMb(pid, what), 0);
        samples[driver.name as PeerName] = [sum];
      }
      return samples;
    };
    const row = { group: "i", unit: "MiB" };
    return [
      {
        ...row,
        title: "slave, VmRSS",
        samples: memories(slaves, "VmRSS"),
        bounds: [{ atMost: 12 }],
      },
      { ...row, title: "slave, Pss", samples: memories(slaves, "Pss") },
      { ...row, title: "… its helpers, VmRSS", samples: helpers("VmRSS") },
      { ...row, title: "… its helpers, Pss", samples: helpers("Pss") },
      { ...row, title: "master, VmRSS", samples: memories(slaves, "VmRSS", true, ["plain"]) },
    ];
  });
}

function memories(
  slaves: ReadonlyMap<Driver, number>,
  what: Memory,
  ofMaster = false,
  without: readonly string[] = [],
): Samples {
  const samples: Samples = {};
  for (const [driver, slave] of slaves) {
    if (without.includes(driver.name)) continue;
    samples[driver.name as PeerName] = [memoryMb(ofMaster ? driver.pid : slave, what)];
  }
  return samples;
}
