/** The socket of a process that has ended without removing it. */
import { rmSync } from "node:fs";
import type { Host } from "../host.ts";

/** Removes the socket, and says so once. */
export async function forgetSocket(path: string, host: Host): Promise<void> {
  rmSync(path, { force: true });
  const text = "the process that kept connections has ended; econtext up opens them anew";
  await host.stderr.write(`econtext: ${text}\n`);
}
