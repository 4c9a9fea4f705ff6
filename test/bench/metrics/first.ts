/**
 * k: how many round trips a first result costs on each kind, beyond those of a plain ssh that one
 * line of stdin goes through.
 */
import type { Driver, Operation, Place, Runtime } from "../driver.ts";
import { type Lab, ONE_WAY_MS } from "../lab.ts";
import { quantile, type Row } from "../row.ts";
import { interleave, warmUp } from "../sample.ts";

export async function firstResults(lab: Lab): Promise<Row[]> {
  if (!lab.hasSsh) return [];
  const rounds = lab.quick ? 3 : 9;
  return lab.withPeers(["ours", "plain"], async (peers) => {
    /** What the wire adds, in milliseconds, by the medians. */
    const added = async (name: string, op: Operation, runs: Runtime): Promise<number> => {
      const only = peers.filter((peer) => peer.name === name);
      const median = async (place: Place): Promise<number> => {
        const to = { ...place, runs };
        const sample = (peer: Driver) => peer.number(op, { to }, "ms");
        await warmUp(only, sample);
        const samples = await interleave(lab, only, rounds, async (peer) => [await sample(peer)]);
        return quantile(Object.values(samples).flat(), 0.5);
      };
      return (await median(lab.slow)) - (await median(lab.ssh));
    };
    const floor = await added("plain", "answer", "python");
    const kinds: Runtime[] = lab.node === undefined ? ["python", "bun"] : ["python", "bun", "node"];
    const rows: Row[] = [];
    for (const runs of kinds) {
      const more = ((await added("ours", "connect", runs)) - floor) / (2 * ONE_WAY_MS);
      // One more would show as 1; what is above 0 is the machine's noise.
      rows.push({
        group: "k",
        title: `first result, ${runs}, beyond ssh`,
        unit: "round trips",
        samples: { ours: [more] },
        bounds: [{ atMost: 0.4 }],
      });
    }
    return rows;
  });
}
