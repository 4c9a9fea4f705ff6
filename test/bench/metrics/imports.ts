/**
 * g: the first call into a package of thirty modules that the far side lacks, and how many round
 * trips that was.
 */
import type { Driver, Place } from "../driver.ts";
import { type Lab, ONE_WAY_MS, type PeerName } from "../lab.ts";
import { TOTAL } from "../package.ts";
import { quantile, type Row, type Samples } from "../row.ts";
import { interleave } from "../sample.ts";

const IMPORTERS = ["ours", "mitogen"] as const satisfies PeerName[];

/** In a fresh context that has answered once: what is timed is the package alone. */
async function importing(peer: Driver, to: Place, module: string): Promise<number[]> {
  await peer.ask("open", { to });
  const { ms, total } = await peer.ask("import", { module });
  await peer.ask("close");
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
  return lab.withPeers(IMPORTERS, async (peers) => {
    const rows: Row[] = [];
    const [any] = peers;
    if (any === undefined) return rows;
    const rttMs = await roundTripMs(lab, any).catch(() => 2 * ONE_WAY_MS);
    for (const module of lab.quick ? ["benchpkg.seen"] : ["benchpkg.seen", "benchpkg.unseen"]) {
      const seen = module === "benchpkg.seen";
      const measure = (to: Place) =>
        interleave(lab, peers, lab.quick ? 2 : 5, (peer) => importing(peer, to, module));
      const near = await measure(lab.ssh);
      const far = await measure(lab.slow);
      const what = seen ? "30 modules" : "30 named at run time";
      // A second round trip would show as 2; what is above 1 is the machine's noise. For names made
      // at run time: one each.
      const bounds = [{ atMost: seen ? 1.4 : 31.4 }];
      const samples = roundTrips(near, far, rttMs);
      rows.push(
        { group: "g", title: `${what}, ssh`, unit: "ms", samples: near },
        { group: "g", title: "… 25 ms away", unit: "ms", samples: far },
        { group: "g", title: "… that is", unit: "round trips", samples, bounds },
      );
    }
    return rows;
  });
}
