/**
 * Keepalive: asks a slave for a sign of life three times a lease, and tells when none came for a
 * whole lease. Any byte of the slave's is a sign of life. If a hop on the way was silent, too, the
 * hop is the cause: all that is behind it ends with it. Also has a stopped slave end.
 */
import { sendPing } from "../calls/ping.ts";
import { DisconnectError, type EcontextError } from "../errors.ts";
import type { Language } from "../interpreters/kind.ts";
import type { Hop } from "../launch/hop.ts";
import type { Router } from "../mux/router.ts";
import type { SessionSettings } from "./settings.ts";
import { endWhenStopped } from "./stopped.ts";

export interface KeepaliveSettings {
  readonly id: number;
  readonly name: string;
  /** Milliseconds of silence after which the slave counts as lost. */
  readonly leaseMs: number;
  readonly router: Router;
  /** What the slave runs. */
  readonly language: Language;
  /** The hop that leads to the slave. */
  readonly via?: Hop | undefined;
  /** Called once, when the slave counts as lost. */
  close(reason: EcontextError): void;
}

export class Keepalive {
  readonly #settings: KeepaliveSettings;
  readonly #timer: ReturnType<typeof setInterval>;
  /** Present for a slave whose guard cannot see that the slave is stopped. */
  readonly #watching: ReturnType<typeof setTimeout> | undefined;

  constructor(settings: KeepaliveSettings) {
    this.#settings = settings;
    this.#timer = setInterval(() => this.#check(), settings.leaseMs / 3).unref();
    if (settings.language === "javascript") this.#watching = endWhenStopped(settings);
  }

  /** Nothing is sent any more. Idempotent. */
  stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#watching);
  }

  #check(): void {
    const { id, name, leaseMs, router, via, close } = this.#settings;
    if (performance.now() - router.heardAt(id) <= leaseMs) {
      sendPing(this.#settings);
      return;
    }
    this.stop();
    const now = performance.now();
    // A hop is pinged, too: one that lives was heard in the last third of the lease.
    const hop = via && [...via.way, via].find((one) => !one.isHeard(now, (leaseMs * 2) / 3));
    const silent = hop?.name ?? name;
    const hint =
      "see whether the machine and the network are up; a longer leaseMs bears longer silence";
    const message = `${silent}: nothing was heard for ${leaseMs} ms\n  try: ${hint}`;
    const reason = new DisconnectError("ERR_DISCONNECT_SILENT", message);
    if (hop === undefined) close(reason);
    else hop.sever(reason);
  }
}

/**
 * @returns milliseconds of the lease; 0 for a child of this process on this machine, where no
 *   network and no hop can fall silent
 */
export function leaseOf({
  transport,
  via,
  leaseMs,
}: Pick<SessionSettings, "transport" | "via" | "leaseMs">): number {
  return transport.hasNetwork || via !== undefined ? leaseMs : 0;
}
