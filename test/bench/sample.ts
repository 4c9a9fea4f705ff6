/** Samples of several peers, taken in turns so that a machine's mood falls on all of them alike. */
import type { Driver } from "./driver.ts";
import type { Lab, PeerName } from "./lab.ts";
import type { Samples } from "./row.ts";

/**
 * Calls in one sample of a rate: so many that no compiler's first tenth of a second is what is
 * measured.
 */
export const SUSTAINED = 100_000;

/**
 * Each round takes a sample (or several) of each peer, starting with another peer every time. One
 * that fails is noted and left out from then on; so is what it gave before, which would be too
 * little to compare.
 */
export async function interleave(
  lab: Lab,
  peers: readonly Driver[],
  rounds: number,
  sample: (peer: Driver) => Promise<readonly number[]>,
): Promise<Samples> {
  const samples: Samples = {};
  let alive = [...peers];
  for (let round = 0; round < rounds; round++) {
    const first = alive.length === 0 ? 0 : round % alive.length;
    for (const peer of [...alive.slice(first), ...alive.slice(0, first)]) {
      const name = peer.name as PeerName;
      try {
        const taken = await sample(peer);
        samples[name] = [...(samples[name] ?? []), ...taken];
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        lab.note(`${name} left a measurement: ${problem}`);
        delete samples[name];
        alive = alive.filter((other) => other !== peer);
      }
    }
  }
  return samples;
}

/** One round that is not measured: files come from the disk, keys are made, code is compiled. */
export async function warmUp(
  peers: readonly Driver[],
  sample: (peer: Driver) => Promise<unknown>,
): Promise<void> {
  for (const peer of peers) await sample(peer).catch(() => {});
}
