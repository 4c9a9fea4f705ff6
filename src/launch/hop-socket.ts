/**
 * HopSocket: a TCP connection that a hop makes, as a stream of bytes of this process. The hop sees
 * the bytes, and knows nothing of what they mean.
 *
 * Spec: docs/protocol.md, "Connections".
 */
import { Duplex } from "node:stream";
import { DisconnectError, type EcontextError } from "../errors.ts";
import { FLAGS } from "../protocol/frame.ts";
import { MASTER_ID, SWITCH } from "../protocol/handles.ts";
import type { Hop } from "./hop.ts";
import { HopBranch } from "./hop-branch.ts";
import type { HopEvent } from "./hop-event.ts";

/** Bytes that may wait to be read here. A hop that sends more is not to be trusted. */
const MAX_UNREAD = 1 << 24;

/** The hop could not connect. */
export class ConnectError extends Error {
  /** As of Node.js: `ECONNREFUSED`, `ENOTFOUND`; or the text of another error. */
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

export class HopSocket extends Duplex {
  readonly #branch: HopBranch;
  /** Where the hop sends what it receives from the server. */
  readonly #handle: number;
  readonly #connected = Promise.withResolvers<void>();
  #state: "waiting" | "started" | "over" = "waiting";

  /** @throws {ConnectError} by `connected` */
  constructor(hop: Hop, host: string, port: number) {
    super({ allowHalfOpen: false });
    const { router } = hop;
    const id = router.allocateId();
    this.#branch = new HopBranch(hop, id);
    this.#handle = router.expect(hop.id, {
      receive: ({ body, flags }) => this.#received(body, flags),
    });
    this.#branch.join({
      isWanted: () => this.#state === "waiting",
      order: (events) => {
        this.#state = "started";
        hop.order(SWITCH.CONNECT, [id, this.#handle, host, port], events);
      },
      receive: (event) => this.#heard(event),
      close: (reason) => this.#end(reason),
      dead: () => this.#forget(),
    });
    this.#connected.promise.catch(() => {});
    this.on("error", () => {}); // `close` follows, and `connected` has told it
  }

  /** Rejects if the hop cannot connect, or has ended. */
  get connected(): Promise<void> {
    return this.#connected.promise;
  }

  #heard(event: HopEvent): void {
    if (event.kind === "wrote") this.#branch.edge.wrote(event.bytes);
    else if (event.kind === "connected") this.#connected.resolve();
    else if (event.kind === "failed") this.#over(new ConnectError(event.problem));
    else if (event.kind === "ended") this.#over(undefined);
  }

  #received(body: Uint8Array, flags: number): void {
    if (this.destroyed) return;
    if ((flags & FLAGS.DEAD) !== 0) {
      this.destroy(new ConnectError("ECONNRESET"));
      return;
    }
    this.push(body);
    if (this.readableLength <= MAX_UNREAD) return;
    this.destroy(new Error(`more than ${MAX_UNREAD} bytes came that were not asked for`));
  }

  /** The connection is closed, or could not be made: the hop sends nothing more for it. */
  #over(error: Error | undefined): void {
    this.#forget();
    this.#connected.reject(error ?? new ConnectError("ECONNRESET"));
    if (this.destroyed) return;
    if (error !== undefined) this.destroy(error);
    else this.push(null);
  }

  /** Closes the connection because the hop ends. */
  #end(reason: EcontextError): void {
    this.#connected.reject(reason);
    this.destroy(reason);
  }

  #forget(): void {
    const { hop, id } = this.#branch;
    if (this.#state === "over") return;
    this.#state = "over";
    this.#branch.forget();
    hop.router.forget(hop.id, this.#handle);
    const message = `${hop.name}: the connection is closed`;
    hop.router.remove(id, new DisconnectError("ERR_DISCONNECT_CLOSED", message));
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.#send([chunk], done);
  }

  override _writev(chunks: readonly { readonly chunk: Uint8Array }[], done: () => void): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  #send(body: readonly Uint8Array[], done: () => void): void {
    const { link, id } = this.#branch;
    const envelope = { dst: id, src: MASTER_ID, auth: MASTER_ID, handle: 0, reply: 0, flags: 0 };
    link.send(envelope, body);
    void link.ready(id).then(done);
  }

  /** The hop closes the connection when all that waits is written. */
  override _final(done: () => void): void {
    const { hop, id } = this.#branch;
    if (this.#state === "started") hop.order(SWITCH.CLOSE, [id, null], 0, id);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { hop, id } = this.#branch;
    if (this.#state === "started") hop.order(SWITCH.CLOSE, [id, "KILL"]);
    else this.#forget();
    this.#connected.reject(error ?? new ConnectError("ECONNABORTED"));
    done(error);
  }
}
