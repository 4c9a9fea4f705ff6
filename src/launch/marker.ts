/**
 * MarkerScanner: from a child's bytes to a stream's. Waits for the marker, keeps what came before
 * it (banners, the output of login scripts), and hands on what comes after.
 *
 * States: scanning until the marker, then found. Writing needs no state: the master never waits to
 * be asked. Spec: docs/protocol.md, "Bootstrap".
 */
import { ProtocolError } from "../errors.ts";
import type { Duplex, DuplexListener } from "../io/duplex.ts";
import type { Chunk } from "../io/splice-pipe.ts";
import { PROTOCOL_VERSION } from "../protocol/handles.ts";
import { LIMITS, type Limits } from "../protocol/limits.ts";

const KEPT_BYTES = 32768;

export class MarkerScanner implements Duplex {
  /**
   * The line that begins the stream. Its nonce is new for each launch, so no banner contains it.
   */
  readonly marker: string;
  readonly #pipe: Duplex;
  readonly #bytes: Uint8Array;
  readonly #limits: Limits;
  #listener: DuplexListener | undefined;
  #noise = Buffer.alloc(0);
  #noiseBytes = 0;
  #isFound = false;
  #failure: ProtocolError | undefined;

  constructor(pipe: Duplex, nonce: string, limits: Limits = LIMITS) {
    this.#pipe = pipe;
    this.marker = `econtext/${PROTOCOL_VERSION} ${nonce}\n`;
    this.#bytes = new TextEncoder().encode(this.marker);
    this.#limits = limits;
    pipe.listen({
      data: (chunk) => this.#scan(chunk),
      drained: () => this.#listener?.drained(),
      closed: () => this.#listener?.closed(),
    });
  }

  /** Whether the marker has come. */
  get isFound(): boolean {
    return this.#isFound;
  }

  /** The last 32 KiB of what came before the marker. */
  get noise(): string {
    return this.#noise.subarray(-KEPT_BYTES).toString("utf8");
  }

  /** Why the scanner closed the pipe: too much came before the marker. */
  get failure(): ProtocolError | undefined {
    return this.#failure;
  }

  listen(listener: DuplexListener): void {
    this.#listener = listener;
    if (this.#isFound) this.#pipe.listen(listener);
  }

  write(chunk: Chunk): boolean {
    return this.#pipe.write(chunk);
  }

  close(): void {
    this.#pipe.close();
  }

  #scan(chunk: Uint8Array): void {
    const seen = Buffer.concat([this.#noise, chunk]);
    const at = seen.indexOf(this.#bytes);
    if (at >= 0) {
      this.#found(seen, at);
      return;
    }
    this.#noiseBytes += chunk.length;
    if (this.#noiseBytes > this.#limits.maxNoiseBytes) {
      this.#failure = new ProtocolError(
        "ERR_PROTOCOL_NOISE",
        `more than ${this.#limits.maxNoiseBytes} bytes came before the marker`,
      );
      this.#pipe.close();
      return;
    }
    // Enough to find a marker that comes in two chunks, and to show in an error what was printed.
    this.#noise = Buffer.from(seen.subarray(-KEPT_BYTES));
  }

  #found(seen: Buffer, at: number): void {
    this.#isFound = true;
    this.#noise = Buffer.from(seen.subarray(0, at));
    // From here on the bytes are the listener's own: it hears the child without a detour.
    if (this.#listener !== undefined) this.#pipe.listen(this.#listener);
    const rest = seen.subarray(at + this.#bytes.length);
    if (rest.length > 0) this.#listener?.data(rest);
  }
}
