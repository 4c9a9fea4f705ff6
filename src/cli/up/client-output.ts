/**
 * A stream of a command at the other end of a socket. A write waits only while much is under way:
 * the command writes all of it before it ends, and tells if it cannot.
 */
import type { StreamFacts } from "../../up/greeting.ts";
import type { Output } from "../host.ts";
import type { Screen } from "../ui/status-line.ts";

/** Bytes that may be under way, before writes wait. */
const MAX_UNWRITTEN = 1 << 19;
/** Bytes of one frame: the other streams shall have their turn. */
const MAX_FRAME = 1 << 18;

export class ClientOutput implements Output {
  readonly isTerminal: boolean;
  readonly coloured: boolean;
  readonly #send: (bytes: Uint8Array) => void;
  readonly #columns: () => number;
  #unwritten = 0;
  /** What waits until less is under way. */
  #waiting: PromiseWithResolvers<void> | undefined;
  #failure: Error | undefined;

  constructor(facts: StreamFacts, send: (bytes: Uint8Array) => void, columns: () => number) {
    this.isTerminal = facts.isTerminal;
    this.coloured = facts.coloured;
    this.#send = send;
    this.#columns = columns;
  }

  write(data: Uint8Array | string): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    // All at once: a caller that does not wait between two writes keeps their order.
    for (let at = 0; at < bytes.length; at += MAX_FRAME) {
      this.#send(bytes.subarray(at, at + MAX_FRAME));
    }
    this.#unwritten += bytes.length;
    if (this.#unwritten <= MAX_UNWRITTEN) return Promise.resolve();
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  /** So many bytes more are written. */
  written(bytes: number): void {
    this.#unwritten -= bytes;
    if (this.#unwritten > MAX_UNWRITTEN) return;
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  /** Nothing can be written any more, for this reason. */
  failed(error: Error): void {
    this.#failure = error;
    this.#waiting?.promise.catch(() => {});
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  /** The command's descriptor is not of this process. */
  readonly canSplice = false;

  spliceFrom(): undefined {}

  screen(): Screen {
    const columns = this.#columns;
    return {
      write: (text) => void this.write(text).catch(() => {}),
      get columns() {
        return columns();
      },
    };
  }

  /** Nothing ends this process before its commands have ended. */
  writeAtExit(): void {}

  /** The command sees to it. */
  async flushed(): Promise<void> {}
}
