/**
 * InboundChannel: a receiver of this process as one context may send to it: a handle that only that context may use, and the window that says how much.
 * Spec: docs/protocol.md, "Channels".
 */

import { type EcontextError, ProtocolError } from "../errors.ts";
import { type BodyTarget, directLink } from "../mux/frame-receiver.ts";
import type { Receiver } from "../mux/router.ts";
import { FLAGS, type Message } from "../protocol/frame.ts";
import { LIMITS } from "../protocol/limits.ts";
import { decodeValue, encodeValue } from "../protocol/value.ts";
import type { Receiver as ChannelReceiver } from "./channel.ts";
import { decodeClosing, encodeClosing } from "./close-reason.ts";
import type { ValueLink } from "./value-link.ts";
import { costOf, Window } from "./window.ts";

export class InboundChannel implements Receiver, BodyTarget {
  /** What the context sends to. */
  readonly handle: number;
  readonly #wire: ValueLink;
  readonly #receiver: ChannelReceiver;
  readonly #gone: () => void;
  readonly #window = new Window();
  /** Where its credit goes; it says so with the first value. */
  #credits: number | undefined;
  /** What it is told instead: nobody receives any more. */
  #closing: readonly Uint8Array[] | undefined;
  /** Bytes of the value that is under way which went past us. */
  #passed = 0;
  /** It was waited for in vain: others use the stream, too. */
  #isSlow = false;
  #stopDirect: () => void = () => {};

  /** @param gone is called when the context can send nothing more */
  constructor(wire: ValueLink, receiver: ChannelReceiver, gone: () => void) {
    this.#wire = wire;
    this.#receiver = receiver;
    this.#gone = gone;
    this.handle = wire.router.expect(wire.id, this);
    receiver.onStop((error) => this.#close(encodeClosing(error)));
  }

  /** @throws {ProtocolError} `ERR_PROTOCOL_CREDIT`, `ERR_PROTOCOL_VALUE` */
  receive({ flags, body }: Message): void {
    if (flags & FLAGS.DEAD) {
      const failure = decodeClosing(this.#wire, body);
      this.#receiver.end(failure);
      this.revoke();
      return;
    }
    if (this.#credits === undefined) {
      this.#open(decodeValue(body));
      return;
    }
    const cost = costOf(body.length + this.#passed);
    this.#passed = 0;
    if (!this.#window.arrive(cost)) {
      const problem = `more was sent to handle ${this.handle} than there was credit for`;
      throw new ProtocolError("ERR_PROTOCOL_CREDIT", problem);
    }
    const value = this.#wire.decode(body);
    this.#receiver.put({ value, taken: () => this.#grant(this.#window.take(cost)) });
  }

  /** As `BodyTarget`: bytes may go past the queue while it is empty. */
  accepts(): boolean {
    const isIdle = this.#isIdle;
    if (isIdle) this.#isSlow = false;
    return this.#receiver.sink !== undefined && !this.#isSlow && this.#window.isOpen;
  }

  fill(from: number, bytes: number): number | undefined {
    return this.#isIdle ? this.#receiver.sink?.fill(from, bytes) : undefined;
  }

  passed(bytes: number, isAll: boolean): void {
    if (!isAll) {
      this.#passed = bytes;
      this.#isSlow = true;
      return;
    }
    const cost = costOf(bytes);
    this.#window.arrive(cost);
    this.#grant(this.#window.take(cost));
  }

  get #isIdle(): boolean {
    return !this.#receiver.isEnded && !this.#receiver.isReady;
  }

  /** Nobody takes anything from it any more. */
  get isEnded(): boolean {
    return this.#receiver.isEnded;
  }

  /** The context was never told of it, or says no more. */
  revoke(): void {
    this.#wire.router.forget(this.#wire.id, this.handle);
    this.#end();
  }

  dead(reason: EcontextError): void {
    this.#receiver.end({ error: reason });
    this.#end();
  }

  #end(): void {
    this.#stopDirect();
    this.#gone();
  }

  #open(credits: unknown): void {
    if (!Number.isInteger(credits) || (credits as number) < 1) {
      throw new ProtocolError("ERR_PROTOCOL_VALUE", "malformed opening of a channel");
    }
    this.#credits = credits as number;
    const { id, router } = this.#wire;
    this.#stopDirect = directLink(router.linkOf(id))?.direct(id, this.handle, this) ?? (() => {});
    if (this.#closing !== undefined) this.#tell(FLAGS.DEAD, this.#closing);
  }

  #grant(credit: number): void {
    if (credit > 0 && this.#closing === undefined) this.#tell(0, encodeValue(credit).chunks);
  }

  #close(closing: readonly Uint8Array[]): void {
    if (this.#closing !== undefined) return;
    this.#closing = closing;
    if (this.#credits !== undefined) this.#tell(FLAGS.DEAD, closing);
  }

  /** Overtakes bulk: who waits for it must not wait for that. */
  #tell(flags: number, body: readonly Uint8Array[]): void {
    const { id, router } = this.#wire;
    const isShort = body.every((chunk) => chunk.length <= LIMITS.maxFrameBytes);
    router.send(
      { dst: id, handle: this.#credits as number, flags },
      body,
      isShort ? "control" : "bulk",
    );
  }
}
