/**
 * From a child's bytes to a stream's: waits for the marker, keeps what came before it, and hands on what comes after.
 *
 * States: `noise` until the marker, then `open`. Writing needs no state: the master never waits to be asked. Spec: docs/protocol.md, "Bootstrap".
 */
import { ProtocolError } from "../errors.ts";
import type { Duplex, DuplexListener } from "../io/duplex.ts";
import type { Chunk } from "../io/splice-pipe.ts";
import { PROTOCOL_VERSION } from "../protocol/handles.ts";
import { LIMITS, type Limits } from "../protocol/limits.ts";

const KEPT_BYTES = 32768;

export class MarkerScanner implements Duplex {
  readonly #pipe: Duplex;
  /** The line that begins the stream. Its nonce is new for each connection, so no banner contains it. */
  readonly marker: string;
  readonly #marker: Uint8Array;
  readonly #limits: Limits;
  #listener: DuplexListener | undefined;
  #noise = Buffer.alloc(0);
  #noiseBytes = 0;
  #open = false;
  /** Why it failed, when that was not the child's end: too much noise. */
  failure: ProtocolError | undefined;

  constructor(pipe: Duplex, nonce: string, limits: Limits = LIMITS) {
    this.#pipe = pipe;
    this.marker = `econtext/${PROTOCOL_VERSION} ${nonce}\n`;
    this.#marker = new TextEncoder().encode(this.marker);
    this.#limits = limits;
    pipe.listen({
      data: (chunk) => this.#search(chunk),
      drained: () => this.#listener?.drained(),
      closed: () => this.#listener?.closed(),
    });
  }

  /** Whether the marker has come. */
  get open(): boolean {
    return this.#open;
  }

  /** The last that was printed on stdout before the marker. */
  get noise(): string {
    return this.#noise.subarray(-KEPT_BYTES).toString("utf8");
  }

  listen(listener: DuplexListener): void {
    this.#listener = listener;
    if (this.#open) this.#pipe.listen(listener);
  }

  write(chunk: Chunk): boolean {
    return this.#pipe.write(chunk);
  }

  close(): void {
    this.#pipe.close();
  }

  #search(chunk: Uint8Array): void {
    const seen = Buffer.concat([this.#noise, chunk]);
    const at = seen.indexOf(this.#marker);
    if (at >= 0) {
      this.#open = true;
      this.#noise = Buffer.from(seen.subarray(0, at));
      // From here on the bytes are the listener's own: it hears the child without a detour.
      if (this.#listener !== undefined) this.#pipe.listen(this.#listener);
      const rest = seen.subarray(at + this.#marker.length);
      if (rest.length > 0) this.#listener?.data(rest);
      return;
    }
    this.#noiseBytes += chunk.length;
    if (this.#noiseBytes > this.#limits.maxNoiseBytes) {
      this.failure = new ProtocolError(
        "ERR_PROTOCOL_NOISE",
        `more than ${this.#limits.maxNoiseBytes} bytes came before the marker`,
      );
      this.#pipe.close();
      return;
    }
    // Enough to find a marker that is cut, and to say what was printed.
    this.#noise = Buffer.from(seen.subarray(-KEPT_BYTES));
  }
}
