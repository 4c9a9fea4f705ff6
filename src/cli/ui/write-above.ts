/** Output on a terminal that also shows a status line. */
import type { Host } from "../host.ts";

/**
 * Writes to a stream, and takes the status line away before. On a terminal this is one write, so
 * that the line cannot be drawn in between.
 *
 * @param erased what takes the line away; empty if there is none
 */
export async function writeAbove(
  host: Host,
  stream: "stdout" | "stderr",
  erased: string,
  data: Uint8Array | string,
): Promise<void> {
  const to = host[stream];
  if (erased === "") return to.write(data);
  if (to.isTerminal) return to.write(Buffer.concat([Buffer.from(erased), Buffer.from(data)]));
  await host.stderr.write(erased);
  await to.write(data);
}
