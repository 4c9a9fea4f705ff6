/**
 * g: the first call into a package of thirty modules that the far side lacks, how many round trips
 * that was, the same from a master that has just started, and the same call as the first one of a
 * new connection.
 */
import type { Driver, Place } from "../driver.ts";
import { type Lab, ONE_WAY_MS, type PeerName } from "../lab.ts";
import { TOTAL } from "../package.ts";
import { quantile, type Row, type Samples } from "../row.ts";
import { interleave, warmUp } from "../sample.ts";

const IMPORTERS = ["ours", "mitogen"] as const satisfies PeerName[];
const MODULES = { "benchpkg.seen": "30 modules", "benchpkg.unseen": "30 named at run time" };

/** In a fresh context that has answered once: what is timed is the package alone. */
async function importing(peer: Driver, to: Place, module: string): Promise<number[]> {
  await peer.ask("open", { to });
  const took = imported(module, await peer.ask("import", { module }));
  await peer.ask("close");
  return took;
}

function imported(module: string, { ms, total }: Record<string, unknown>): number[] {
  if (total !== TOTAL) throw new Error(`${module}: ${String(total)} instead of ${String(TOTAL)}`);
  return [Number(ms)];
}

/**
 * What a round trip through the proxy really takes: its timers come late, by 1.5 ms of 50 where
 * this was written.
 */
async function roundTripMs(lab: Lab, peer: Driver): Promise<number> {
  const call = async (to: Place): Promise<number> => {
    await peer.ask("open", { to });
    const { us } = await peer.ask("calls", { n: 9 });
    await peer.ask("close");
    return quantile(us as number[], 0.5) / 1e3;
  };
  return (await call(lab.slow)) - (await call(lab.ssh));
}

/** From the medians: a difference of single samples would be as noisy as both. */
function roundTrips(near: Samples, far: Samples, rttMs: number): Samples {
  const trips: Samples = {};
  for (const name of IMPORTERS) {
    const [a, b] = [near[name], far[name]];
    if (a === undefined || b === undefined) continue;
    trips[name] = [(quantile(b, 0.5) - quantile(a, 0.5)) / rttMs];
  }
  return trips;
}

export async function imports(lab: Lab): Promise<Row[]> {
  if (!lab.hasSsh) return [];
  return lab.withPeers([...IMPORTERS, "plain"], async (all) => {
    const rows: Row[] = [];
    const peers = all.filter(({ name }) => name !== "plain");
    const [any] = peers;
    if (any === undefined) return rows;
    const rounds = lab.quick ? 2 : 5;
    const rttMs = await roundTripMs(lab, any).catch(() => 2 * ONE_WAY_MS);
    for (const [module, what] of Object.entries(MODULES).slice(0, lab.quick ? 1 : 2)) {
      const seen = module === "benchpkg.seen";
      // A master reads the modules once, for all contexts; the floor is only measured here.
      const nearby = (peer: Driver) => importing(peer, lab.ssh, module);
      await warmUp(peers, nearby);
      const near = await interleave(lab, all, rounds, nearby);
      const far = await interleave(lab, peers, rounds, (peer) => importing(peer, lab.slow, module));
      // A second round trip would show as 2; what is above 1 is the machine's noise. Of thirty
      // names made at run time, four are asked for: neighbours come along.
      const bounds = [{ atMost: seen ? 1.4 : 6.4 }];
      const samples = roundTrips(near, far, rttMs);
      const aim = [{ versus: "mitogen", atMost: 0.8, aim: true }] as const;
      rows.push(
        { group: "g", title: `${what}, ssh`, unit: "ms", samples: near, bounds: aim },
        { group: "g", title: "… 25 ms away", unit: "ms", samples: far },
        { group: "g", title: "… that is", unit: "round trips", samples, bounds },
      );
    }
    return [...rows, await fresh(lab, rounds), await connected(lab, peers, rounds)];
  });
}

/** The first import of a master: it has read none of the modules, and run none of its own code. */
async function fresh(lab: Lab, rounds: number): Promise<Row> {
  const samples: Samples = {};
  for (let round = 0; round < rounds; round++) {
    const taken = await lab.withPeers([...IMPORTERS], (peers) =>
      interleave(lab, peers, 1, (peer) => importing(peer, lab.ssh, "benchpkg.seen")),
    );
    for (const name of IMPORTERS)
      samples[name] = [...(samples[name] ?? []), ...(taken[name] ?? [])];
  }
  const bounds = [{ versus: "mitogen", atMost: 0.8, aim: true }] as const;
  return { group: "g", title: "30 modules, ssh, new master", unit: "ms", samples, bounds };
}

/** From nothing to the result: when a peer loads `site` makes no difference here. */
async function connected(lab: Lab, peers: readonly Driver[], rounds: number): Promise<Row> {
  const module = "benchpkg.seen";
  const samples = await interleave(lab, peers, rounds, async (peer) =>
    imported(module, await peer.ask("first", { to: lab.local, module })),
  );
  const bounds = [{ versus: "mitogen", atMost: 0.8 }] as const;
  return { group: "g", title: "connect + 30 modules, local", unit: "ms", samples, bounds };
}
