/**
 * The bytes to an ssh server behind a hop. The hop looks up the name and connects; it carries the
 * bytes, and does not see what they say.
 */

import { orAborted } from "../io/abort.ts";
import type { Hop } from "../launch/hop.ts";
import { type ConnectError, HopSocket } from "../launch/hop-socket.ts";
import type { SshSettings } from "./settings.ts";
import { failedTo, type SshWire } from "./socket.ts";

/** @throws {Unreachable} */
export async function openBehind(
  hop: Hop,
  settings: SshSettings,
  signal: AbortSignal,
): Promise<SshWire> {
  const { hostname, port, connectSeconds } = settings;
  const socket = new HopSocket(hop, hostname, port);
  const late = Promise.withResolvers<never>();
  const timedOut = Object.assign(new Error("timed out"), { code: "ETIMEDOUT" });
  const timer =
    connectSeconds === undefined
      ? undefined
      : setTimeout(() => late.reject(timedOut), connectSeconds * 1000);
  try {
    await orAborted(Promise.race([socket.connected, late.promise]), signal);
    return { stream: socket };
  } catch (error) {
    socket.destroy();
    if (signal.aborted) throw error;
    throw failedTo(settings, error as ConnectError);
  } finally {
    clearTimeout(timer);
  }
}
