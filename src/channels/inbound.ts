/**
 * InboundChannel: lets one context send to a receiver of this process. It has a handle that only
 * that context may use, and a window that says how much may be under way. Spec: docs/protocol.md,
 * "Channels".
 */
import { type EcontextError, ProtocolError } from "../errors.ts";
import { type BodySink, directLink } from "../mux/frame-receiver.ts";
import type { Receiver } from "../mux/router.ts";
import { FLAGS, type Message } from "../protocol/frame.ts";
import { LIMITS } from "../protocol/limits.ts";
import { decodeValue, encodeValue } from "../protocol/value.ts";
import { decodeClosing, encodeClosing } from "./close-reason.ts";
import type { Inbox } from "./inbox.ts";
import type { ValueLink } from "./value-link.ts";
import { costOf, Window } from "./window.ts";

export class InboundChannel implements Receiver, BodySink {
  /** The handle that the context sends to. */
  readonly handle: number;
  readonly #link: ValueLink;
  readonly #inbox: Inbox;
  readonly #onEnd: () => void;
  readonly #window: Window;
  /** The context's handle for credit; its first message says which. */
  #credits: number | undefined;
  /** The message that the receiver was closed, which is sent instead of credit. */
  #closing: readonly Uint8Array[] | undefined;
  /** Bytes of the value under way that were spliced to the inbox's sink. */
  #spliced = 0;
  /**
   * The target was full while other messages waited behind the value: bytes are read until the
   * inbox is empty.
   */
  #isSlow = false;
  #stopDirect: () => void = () => {};

  /** @param onEnd is called when the context can send nothing more */
  constructor(link: ValueLink, inbox: Inbox, onEnd: () => void) {
    this.#link = link;
    this.#inbox = inbox;
    this.#window = new Window(LIMITS, inbox.isWide);
    this.#onEnd = onEnd;
    this.handle = link.router.expect(link.id, this);
    inbox.onStop((error) => this.#close(encodeClosing(error)));
  }

  /** @throws {ProtocolError} `ERR_PROTOCOL_CREDIT`, `ERR_PROTOCOL_VALUE` */
  receive({ flags, body }: Message): void {
    if (flags & FLAGS.DEAD) {
      this.#inbox.end(decodeClosing(this.#link, body));
      this.revoke();
      return;
    }
    if (this.#credits === undefined) {
      this.#open(decodeValue(body));
      return;
    }
    const cost = costOf(body.length + this.#spliced);
    this.#spliced = 0;
    if (!this.#window.arrive(cost)) {
      const problem = `more was sent to handle ${this.handle} than there was credit for`;
      throw new ProtocolError("ERR_PROTOCOL_CREDIT", problem);
    }
    const value = this.#link.decode(body);
    this.#inbox.put({ value, taken: () => this.#grant(this.#window.take(cost)) });
  }

  /** As `BodySink`: bytes may be spliced while the inbox is empty. */
  accepts(): boolean {
    if (this.#isIdle) this.#isSlow = false;
    return this.canSplice && !this.#isSlow && this.#window.isOpen;
  }

  get canSplice(): boolean {
    return this.#inbox.sink?.canSplice === true;
  }

  spliceFrom(from: number, bytes: number): number | undefined {
    return this.#isIdle ? this.#inbox.sink?.spliceFrom(from, bytes) : undefined;
  }

  spliced(bytes: number, isAll: boolean): void {
    if (!isAll) {
      this.#spliced = bytes;
      this.#isSlow = true;
      return;
    }
    const cost = costOf(bytes);
    this.#window.arrive(cost);
    this.#grant(this.#window.take(cost));
  }

  get #isIdle(): boolean {
    return !this.#inbox.isEnded && !this.#inbox.isReady;
  }

  /** Whether the receiver takes no more values. */
  get isEnded(): boolean {
    return this.#inbox.isEnded;
  }

  /** Frees the handle: the context was never given it, or has sent its last message. */
  revoke(): void {
    this.#link.router.forget(this.#link.id, this.handle);
    this.#end();
  }

  dead(reason: EcontextError): void {
    this.#inbox.end({ error: reason });
    this.#end();
  }

  #end(): void {
    this.#stopDirect();
    this.#onEnd();
  }

  #open(credits: unknown): void {
    if (!Number.isInteger(credits) || (credits as number) < 1) {
      throw new ProtocolError("ERR_PROTOCOL_VALUE", "malformed opening of a channel");
    }
    this.#credits = credits as number;
    const { id, router } = this.#link;
    const direct = directLink(router.linkOf(id));
    if (direct !== undefined) this.#stopDirect = direct.direct(id, this.handle, this);
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

  /** Overtakes bulk: the context may be waiting for credit while bulk waits to be written. */
  #tell(flags: number, body: readonly Uint8Array[]): void {
    const { id, router } = this.#link;
    const isShort = body.every((chunk) => chunk.length <= LIMITS.maxFrameBytes);
    router.send(
      { dst: id, handle: this.#credits as number, flags },
      body,
      isShort ? "control" : "bulk",
    );
  }
}
