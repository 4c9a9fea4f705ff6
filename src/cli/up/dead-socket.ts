/** The socket of a process that has ended without removing it. */
import { rmSync } from "node:fs";
import { lookAt } from "../../io/quick-calls.ts";
import type { Host } from "../host.ts";

/**
 * Removes the socket, if it is still the one that no process listened at. Another command may have
 * started a process meanwhile, which listens at a new one.
 *
 * @param changed as `lookAt` gave it before the attempt to connect
 */
export function removeSocket(path: string, changed: string | undefined): void {
  if (changed !== undefined && lookAt(path)?.changed === changed) rmSync(path, { force: true });
}

/** As `removeSocket`, and tells the user. */
export async function forgetSocket(
  path: string,
  changed: string | undefined,
  host: Host,
): Promise<void> {
  removeSocket(path, changed);
  const text = "the process that kept connections has ended; econtext up opens them anew";
  await host.stderr.write(`econtext: ${text}\n`);
}
