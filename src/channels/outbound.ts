/**
 * SendTarget: a receiver of a context as this process sends to it: as far as there is credit, the rest waits. Spec: docs/protocol.md, "Channels".
 */

import { ChannelError, type EcontextError, ProtocolError } from "../errors.ts";
import { type Chunk, PipedBytes } from "../io/splice-pipe.ts";
import type { Receiver } from "../mux/router.ts";
import { FLAGS, type Message } from "../protocol/frame.ts";
import { LIMITS } from "../protocol/limits.ts";
import { decodeValue, encodeBytes, encodeValue } from "../protocol/value.ts";
import { calledFrom } from "../traces/error-stack.ts";
import type { SendTarget } from "./channel.ts";
import { decodeClosing, encodeClosing, type Wire } from "./close-reason.ts";
import { Credit, costOf } from "./window.ts";

/** A value that waits for credit. */
interface Waiting {
  readonly body: readonly Chunk[];
  readonly cost: number;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export class OutboundChannel implements SendTarget, Receiver {
  readonly wire: Wire;
  /** The receiver's, in its context. */
  readonly handle: number;
  readonly #gone: () => void;
  readonly #credit = new Credit();
  /** Where credit comes to. */
  readonly #credits: number;
  #waiting: Waiting[] = [];
  /** Closed from here; told when nothing waits any more. */
  #closing: readonly Uint8Array[] | undefined;
  #isTold = false;
  /** Closed from there, and why. */
  #refusal: EcontextError | undefined;
  #onRefused: ((reason?: EcontextError) => void)[] = [];

  /**
   * Says at once where it can be told that nobody receives any more: whoever is given a sender may never use it.
   *
   * @param gone is called when nothing can be sent any more
   */
  constructor(wire: Wire, handle: number, gone: () => void) {
    this.wire = wire;
    this.handle = handle;
    this.#gone = gone;
    const { id, router } = wire;
    this.#credits = router.expect(id, this);
    router.send({ dst: id, handle }, encodeValue(this.#credits).chunks, "control");
  }

  get closed(): boolean {
    return this.#refusal !== undefined || this.#closing !== undefined;
  }

  async send(value: unknown): Promise<void> {
    if (this.#refusal !== undefined) throw calledFrom(this.#refusal, new Error());
    if (this.#closing !== undefined) throw this.#closed();
    const { chunks: body, length } =
      value instanceof PipedBytes ? encodeBytes(value) : this.wire.encode(value);
    if (length > LIMITS.maxMessageBytes) {
      const problem = `${this.wire.name}: a value of ${length} bytes is over the limit of ${LIMITS.maxMessageBytes}`;
      throw new ChannelError("ERR_CHANNEL_TOO_LARGE", problem);
    }
    const cost = costOf(length);
    if (this.#waiting.length === 0 && this.#credit.isOpen) {
      this.#transmit(body, cost);
      return;
    }
    try {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push({ body, cost, resolve, reject });
      });
    } catch (error) {
      throw calledFrom(error, new Error());
    }
  }

  close(error?: unknown): void {
    if (this.closed) return;
    this.#closing = encodeClosing(error);
    this.#flush();
  }

  onRefused(tell: (reason?: EcontextError) => void): void {
    this.#onRefused.push(tell);
  }

  /** Credit, or that there will be none any more. */
  receive({ flags, body }: Message): void {
    const { id, router } = this.wire;
    if (flags & FLAGS.DEAD) {
      const failure = decodeClosing(this.wire, body);
      router.forget(id, this.#credits);
      this.#refuse(failure?.error);
      if (!this.#isTold) this.#tell(encodeClosing(undefined));
      return;
    }
    const credit = decodeValue(body);
    if (!Number.isSafeInteger(credit) || (credit as number) < 1) {
      throw new ProtocolError(
        "ERR_PROTOCOL_VALUE",
        "malformed credit of a channel: expected a number",
      );
    }
    if (!this.#credit.add(credit as number)) {
      throw new ProtocolError("ERR_PROTOCOL_CREDIT", "more credit than any window has");
    }
    this.#flush();
  }

  dead(reason: EcontextError): void {
    this.#isTold = true;
    this.#refuse(reason);
  }

  #closed(): ChannelError {
    return new ChannelError("ERR_CHANNEL_CLOSED", `${this.wire.name}: the channel is closed`);
  }

  /** @param reason what is wrong, if anything is */
  #refuse(reason: EcontextError | undefined): void {
    this.#refusal ??= reason ?? this.#closed();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(this.#refusal);
    for (const tell of this.#onRefused.splice(0)) tell(reason);
    this.#gone();
  }

  #flush(): void {
    let at = 0;
    for (; at < this.#waiting.length && this.#credit.isOpen; at++) {
      const { body, cost, resolve } = this.#waiting[at] as Waiting;
      this.#transmit(body, cost);
      resolve();
    }
    this.#waiting.splice(0, at);
    if (this.#waiting.length > 0 || this.#closing === undefined || this.#isTold) return;
    this.#tell(this.#closing);
  }

  #transmit(body: readonly Chunk[], cost: number): void {
    const { id, router } = this.wire;
    this.#credit.spend(cost);
    router.send({ dst: id, handle: this.handle }, body);
  }

  #tell(closing: readonly Uint8Array[]): void {
    this.#isTold = true;
    const { id, router } = this.wire;
    router.send({ dst: id, handle: this.handle, flags: FLAGS.DEAD }, closing);
  }
}
