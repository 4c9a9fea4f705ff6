/**
 * Keepalive: asks a slave for a sign of life three times a lease, and tells when none came for a
 * whole lease. Any byte of the slave's is a sign of life.
 */
import { sendPing } from "../calls/ping.ts";
import { DisconnectError, type EcontextError } from "../errors.ts";
import type { Router } from "../mux/router.ts";
import type { SessionSettings } from "./settings.ts";

export interface KeepaliveSettings {
  readonly id: number;
  readonly name: string;
  /** Milliseconds of silence after which the slave counts as lost. */
  readonly leaseMs: number;
  readonly router: Router;
  /** Called once, when the slave counts as lost. */
  close(reason: EcontextError): void;
}

export class Keepalive {
  readonly #settings: KeepaliveSettings;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(settings: KeepaliveSettings) {
    this.#settings = settings;
    this.#timer = setInterval(() => this.#check(), settings.leaseMs / 3).unref();
  }

  /** No ping is sent any more. Idempotent. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    const { id, name, leaseMs, router, close } = this.#settings;
    if (performance.now() - router.heardAt(id) <= leaseMs) {
      sendPing(this.#settings);
      return;
    }
    this.stop();
    const message = `${name}: nothing was heard for ${leaseMs} ms`;
    close(new DisconnectError("ERR_DISCONNECT_SILENT", message));
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
