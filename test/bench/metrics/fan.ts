/** f: many contexts at once, over ssh and with ssh taken out, each with a first call. */
import type { Place } from "../driver.ts";
import type { Lab, PeerName } from "../lab.ts";
import type { Bound, Row } from "../row.ts";
import { interleave } from "../sample.ts";

/**
 * Ours and the floor in turns; then the other peers once: a round of theirs takes many seconds, and
 * their bound is a wide one.
 */
async function fan(
  lab: Lab,
  to: Place,
  n: number,
  others: readonly PeerName[],
  rounds: number,
  row: { readonly title: string; readonly bounds: readonly Bound[] },
): Promise<Row> {
  const measure = (names: readonly PeerName[], times: number) =>
    lab.withPeers(names, (peers) =>
      interleave(lab, peers, times, async (peer) => [await peer.number("fan", { to, n }, "ms")]),
    );
  const samples = { ...(await measure(["ours", "plain"], rounds)), ...(await measure(others, 1)) };
  return { group: "f", unit: "ms", ...row, samples };
}

export async function fanOut(lab: Lab): Promise<Row[]> {
  const rows: Row[] = [];
  if (lab.hasSsh) {
    const others = lab.quick ? [] : (["mitogen", "execnet"] as const);
    const bounds = [{ versus: "plain", atMost: 1.1 }] as const;
    const row = { title: "50 contexts, ssh", bounds };
    rows.push(await fan(lab, lab.ssh, 50, others, lab.quick ? 2 : 5, row));
  }
  const others = lab.quick ? (["mitogen"] as const) : (["mitogen", "execnet"] as const);
  const bounds = [
    { versus: "mitogen", atMost: 0.2 },
    { versus: "execnet", atMost: 0.7 },
  ] as const;
  const row = { title: "100 contexts, no ssh", bounds };
  rows.push(await fan(lab, lab.direct, 100, others, lab.quick ? 2 : 5, row));
  return rows;
}
