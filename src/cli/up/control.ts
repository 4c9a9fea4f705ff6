/** What `up`, `down` and `ps` do in the process that keeps connections. */
import { oneLine } from "../../index.ts";
import type { Keeper } from "../../up/keeper.ts";
import type { Host } from "../host.ts";
import { type Life, up } from "./open-kept.ts";
import { ps } from "./show-kept.ts";

type Control = (
  words: readonly string[],
  host: Host,
  keeper: Keeper,
  life: Life,
) => Promise<number>;

export const CONTROLS: Readonly<Record<string, Control>> = { up, down, ps };

async function down(targets: readonly string[], host: Host, keeper: Keeper): Promise<number> {
  if (targets.length === 0) {
    await keeper.closeAll();
    return 0;
  }
  const unknown = await keeper.close(targets);
  if (unknown.length === 0) return 0;
  const kept = new Set(keeper.list().map(({ target }) => target));
  for (const target of unknown) {
    const problem = kept.has(target)
      ? `${oneLine(target)} is a hop: it closes with the last target behind it`
      : `not kept: ${oneLine(target)}`;
    await host.stderr.write(`econtext down: ${problem}\n`);
  }
  return 1;
}
