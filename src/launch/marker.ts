/**
 * MarkerScanner: from a child's bytes to a stream's. Waits for the marker, keeps what came before
 * it (banners, the output of login scripts), and hands on what comes after.
 *
 * States: held until a given line has come, then scanning until the marker, then found. Bytes for a
 * held child are kept here: its program may ask for a password, and would read them as one. Most
 * children are never held. Spec: docs/protocol.md, "Bootstrap".
 */
import { ProtocolError } from "../errors.ts";
import type { Duplex, DuplexListener } from "../io/duplex.ts";
import type { Chunk } from "../io/splice-pipe.ts";
import { PROTOCOL_VERSION } from "../protocol/handles.ts";
import { LIMITS, type Limits } from "../protocol/limits.ts";

const KEPT_BYTES = 32768;

interface Hold {
  readonly line: Uint8Array;
  readonly chunks: Chunk[];
  readonly held: () => void;
}

export class MarkerScanner implements Duplex {
  /**
   * The line that begins the stream. Its nonce is new for each launch, so no banner contains it.
   */
  readonly marker: string;
  readonly #pipe: Duplex;
  readonly #bytes: Uint8Array;
  readonly #limits: Limits;
  /** The line with its newline, and the chunks that wait for it; undefined: nothing is held. */
  #hold: Hold | undefined;
  #listener: DuplexListener | undefined;
  #noise = Buffer.alloc(0);
  #noiseBytes = 0;
  #isFound = false;
  #failure: ProtocolError | undefined;

  /**
   * @param hold as of `LaunchPlan`
   * @param held is called when that line has come
   */
  constructor(
    pipe: Duplex,
    nonce: string,
    { hold, held = () => {} }: { readonly hold?: string | undefined; held?: () => void } = {},
    limits: Limits = LIMITS,
  ) {
    this.#pipe = pipe;
    this.marker = `econtext/${PROTOCOL_VERSION} ${nonce}\n`;
    this.#bytes = new TextEncoder().encode(this.marker);
    this.#limits = limits;
    if (hold !== undefined) {
      this.#hold = { line: new TextEncoder().encode(`${hold}\n`), chunks: [], held };
    }
    pipe.listen({
      data: (chunk) => this.#scan(chunk),
      drained: () => this.#drained(),
      closed: () => this.#listener?.closed(),
    });
  }

  /** Whether the line of `hold` has not come yet. */
  get isHeld(): boolean {
    return this.#hold !== undefined;
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
    if (this.#hold === undefined) return this.#pipe.write(chunk);
    this.#hold.chunks.push(chunk);
    return false;
  }

  close(): void {
    this.#pipe.close();
  }

  #drained(): void {
    if (this.#hold === undefined) this.#listener?.drained();
  }

  #scan(chunk: Uint8Array): void {
    const seen = this.#readHold(Buffer.concat([this.#noise, chunk]));
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

  /**
   * Looks for the line of `hold`. Text without a newline may stand before it: PAM modules print
   * such.
   *
   * @returns what came, without the line
   */
  #readHold(seen: Buffer): Buffer {
    const hold = this.#hold;
    const at = hold === undefined ? -1 : seen.indexOf(hold.line);
    if (hold === undefined || at < 0) return seen;
    this.#hold = undefined;
    hold.held();
    const taken = hold.chunks.map((chunk) => this.#pipe.write(chunk));
    if (!taken.includes(false)) this.#drained();
    return Buffer.concat([seen.subarray(0, at), seen.subarray(at + hold.line.length)]);
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
