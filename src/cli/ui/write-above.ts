/** Output on a terminal that also shows a status line. */
import type { Host } from "../host.ts";

/**
 * Writes to a stream. On a terminal, this takes the status line away in the same write, so that the
 * line cannot be drawn in between. Elsewhere the line is not in the way, and stays.
 *
 * @param erased gives what takes the line away; empty if there is none
 */
export async function writeAbove(
  host: Host,
  stream: "stdout" | "stderr",
  erased: () => string,
  data: Uint8Array | string,
): Promise<void> {
  const to = host[stream];
  const before = to.isTerminal ? erased() : "";
  if (before === "") return to.write(data);
  await to.write(Buffer.concat([Buffer.from(before), Buffer.from(data)]));
}
