/**
 * OutboundChannel: the sending end of a channel whose receiver is in a context. Values go out while
 * there is credit; the others wait. Spec: docs/protocol.md, "Channels".
 */

import { ChannelError, type EcontextError, ProtocolError } from "../errors.ts";
import { type Chunk, PipedBytes } from "../io/splice-pipe.ts";
import type { Receiver } from "../mux/router.ts";
import { FLAGS, type Message } from "../protocol/frame.ts";
import { LIMITS } from "../protocol/limits.ts";
import { decodeValue, encodeBytes, encodeValue } from "../protocol/value.ts";
import { calledFrom } from "../traces/error-stack.ts";
import type { SendTarget } from "./channel.ts";
import { decodeClosing, encodeClosing } from "./close-reason.ts";
import type { Shortcut } from "./shortcut.ts";
import type { SentSenders, ValueLink } from "./value-link.ts";
import { Credit, costOf } from "./window.ts";

/** A value that waits for credit. */
interface Waiting {
  readonly body: readonly Chunk[];
  readonly senders: SentSenders | undefined;
  readonly cost: number;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** Credit of 0. */
const MOVED = 48;

interface Encoded {
  readonly body: readonly Chunk[];
  readonly length: number;
  readonly senders?: SentSenders;
}

export class OutboundChannel implements SendTarget, Receiver {
  readonly link: ValueLink;
  /** The handle of the receiver, in its context. */
  readonly handle: number;
  readonly #onEnd: () => void;
  readonly #credit = new Credit();
  /** Our handle that the context sends its credit to. */
  readonly #credits: number;
  #isUnused = true;
  #shortcut: Shortcut | undefined;
  /** The receiving hop sends to its own switch, and no more to this process. */
  #hasMoved = false;
  #waiting: Waiting[] = [];
  /** Closed by the sender: this message goes out when no value waits any more. */
  #closing: readonly Uint8Array[] | undefined;
  /** The closing message was sent, or there is no context to send it to. */
  #isTold = false;
  /** Closed by the receiver. */
  #isRefused = false;
  /** Why; made when it is wanted, because most senders are closed by both ends at once. */
  #refusal: EcontextError | undefined;
  #onRefused: ((reason?: EcontextError) => void)[] = [];

  /**
   * Sends the handle for its credit at once. The context needs that handle to report that its
   * receiver was closed, even if no value is ever sent.
   *
   * @param onEnd is called when nothing can be sent any more
   */
  constructor(link: ValueLink, handle: number, onEnd: () => void) {
    this.link = link;
    this.handle = handle;
    this.#onEnd = onEnd;
    const { id, router } = link;
    this.#credits = router.expect(id, this);
    router.send({ dst: id, handle }, encodeValue(this.#credits).chunks, "control");
  }

  /** Our handle that the context sends its credit to. */
  get credits(): number {
    return this.#credits;
  }

  /** Whether nothing was sent, so that another context may take over. */
  get isUnused(): boolean {
    return this.#isUnused && !this.closed && this.#shortcut === undefined;
  }

  /** Another context sends from now on, without coming through this process. */
  handOver(shortcut: Shortcut): void {
    this.#shortcut = shortcut;
  }

  /** The other context was not given the sender after all. */
  takeBack(): void {
    this.#shortcut = undefined;
  }

  /** Both ends of a shortcut are closed. */
  refuse(): void {
    const { id, router } = this.link;
    // A hop that receives may have sent credit before it heard of the shortcut.
    if (this.#shortcut?.isToHop !== true || this.#hasMoved) router.forget(id, this.#credits);
    this.#isTold = true;
    this.#refuse(undefined);
  }

  get closed(): boolean {
    return this.#isRefused || this.#closing !== undefined;
  }

  async send(value: unknown): Promise<void> {
    if (this.#isRefused) throw calledFrom(this.#reason, new Error());
    if (this.#closing !== undefined) throw this.#closed();
    const { body, length, senders } = this.#encode(value);
    if (length > LIMITS.maxMessageBytes) {
      senders?.release("unread");
      const limit = LIMITS.maxMessageBytes;
      const problem = `a value of ${length} bytes is over the limit of ${limit}\n  try: send it in parts`;
      throw new ChannelError("ERR_CHANNEL_TOO_LARGE", `${this.link.name}: ${problem}`);
    }
    this.#isUnused = false;
    if (this.#shortcut !== undefined) {
      await this.#shortcut.inject(Buffer.concat(body.map(bytesOf)));
      return;
    }
    const cost = costOf(length);
    if (this.#waiting.length === 0 && this.#credit.isOpen) {
      this.#transmit(body, cost);
      return;
    }
    try {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push({ body, senders, cost, resolve, reject });
      });
    } catch (error) {
      throw calledFrom(error, new Error());
    }
  }

  #encode(value: unknown): Encoded {
    if (value instanceof PipedBytes) {
      const { chunks: body, length } = encodeBytes(value);
      return { body, length };
    }
    const { chunks: body, length, senders } = this.link.encode(value);
    return { body, length, senders };
  }

  close(error?: unknown): void {
    if (this.closed) return;
    this.#closing = encodeClosing(error);
    this.#flush();
  }

  onRefused(tell: (reason?: EcontextError) => void): void {
    this.#onRefused.push(tell);
  }

  credit(bytes: number): void {
    this.#credit.add(bytes);
    this.#flush();
  }

  /** Takes credit, or the message that the receiver was closed. */
  receive({ flags, body }: Message): void {
    const { id, router } = this.link;
    if (this.#shortcut?.isToHop === true) {
      this.#receiveForHop(this.#shortcut, flags, body);
      return;
    }
    if (flags & FLAGS.DEAD) {
      const failure = decodeClosing(this.link, body);
      router.forget(id, this.#credits);
      this.#shortcut?.refuse(body);
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

  /** The hop sends to its own switch as soon as it knows of the shortcut, and says so. */
  #receiveForHop(shortcut: Shortcut, flags: number, body: Uint8Array): void {
    const { id, router } = this.link;
    if (flags === 0 && body.length === 1 && body[0] === MOVED) this.#hasMoved = true;
    else shortcut.heard(flags, body);
    if (flags & FLAGS.DEAD || (this.#hasMoved && this.#isRefused)) {
      router.forget(id, this.#credits);
    }
  }

  dead(reason: EcontextError): void {
    this.#isTold = true;
    this.#refuse(reason);
  }

  /** Why no value is sent any more. */
  get #reason(): EcontextError {
    this.#refusal ??= this.#closed();
    return this.#refusal;
  }

  #closed(): ChannelError {
    return new ChannelError("ERR_CHANNEL_CLOSED", `${this.link.name}: the channel is closed`);
  }

  /** @param reason the error of the far side; undefined if its receiver was closed without one */
  #refuse(reason: EcontextError | undefined): void {
    this.#isRefused = true;
    this.#refusal ??= reason;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject, senders } of waiting) {
      senders?.release("unread");
      reject(this.#reason);
    }
    for (const tell of this.#onRefused.splice(0)) tell(reason);
    this.#onEnd();
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
    const { id, router } = this.link;
    this.#credit.spend(cost);
    router.send({ dst: id, handle: this.handle }, body);
  }

  #tell(closing: readonly Uint8Array[]): void {
    this.#isTold = true;
    const { id, router } = this.link;
    router.send({ dst: id, handle: this.handle, flags: FLAGS.DEAD }, closing);
  }
}

/** Bytes that wait in a pipe are never sent on a sender that was handed over. */
function bytesOf(chunk: Chunk): Uint8Array {
  if (chunk instanceof PipedBytes) throw new Error("bytes in a pipe cannot be injected");
  return chunk;
}
