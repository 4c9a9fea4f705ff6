/**
 * Shortcut: a sender of one context that is given to another, when both are behind one hop, or one
 * is the hop. The hop hands the values on, so that they do not come to this process. Spec:
 * docs/protocol.md, "Relays".
 */
import type { MeetingPlace } from "../mux/context-link.ts";
import type { Message } from "../protocol/frame.ts";
import { SWITCH } from "../protocol/handles.ts";
import type { OutboundChannel } from "./outbound.ts";
import type { ValueLink } from "./value-link.ts";

/** Larger values are sent to the receiver as messages of their own. */
const MAX_RELAYED = 200_000;
/** The longest message of the hop's own. */
const MAX_NOTICE = 64;

const decoder = new TextDecoder();

export class Shortcut {
  /** The handle that the sending context knows. */
  readonly handle: number;
  readonly #place: MeetingPlace;
  readonly #from: ValueLink;
  readonly #to: OutboundChannel;
  readonly #onEnd: () => void;
  /** Our handle that the hop sends to. */
  readonly #notices: number;
  #isEnded = false;
  /** Orders that wait until the hop knows the sending context; undefined as soon as it does. */
  #orders: Parameters<MeetingPlace["order"]>[] | undefined = [];
  /** Values of this process that wait, each for the one before. */
  #injected: Promise<void> = Promise.resolve();
  #onInjected: (() => void) | undefined;

  /**
   * @param from the context that is given the sender
   * @param onEnd is called when the context can send nothing more
   */
  constructor(place: MeetingPlace, from: ValueLink, to: OutboundChannel, onEnd: () => void) {
    this.#place = place;
    this.#from = from;
    this.#to = to;
    this.#onEnd = onEnd;
    const { router } = from;
    const dead = (): void => this.#end();
    // A value comes here if the hop cannot hand it on as it is.
    const receive = ({ body }: Message): void => this.#translate(body);
    this.handle = router.expect(from.id, { receive, dead });
    this.#notices = router.expect(place.id, { receive: (message) => this.#receive(message), dead });
    const order = [this.handle, from.id, to.handle, to.link.id, to.credits];
    this.#order(SWITCH.RELAY, order, this.#notices);
    // A context that has not been started may be given senders: its calls wait. A hop that carries
    // the receiver has been started.
    if (this.isOfHop) this.#begin();
    else router.whenAnnounced(from.id, () => this.#begin());
  }

  #begin(): void {
    const orders = this.#orders ?? [];
    this.#orders = undefined;
    for (const order of orders) this.#place.order(...order);
  }

  /** Whether the sending context is the hop itself: it sends to its own switch. */
  get isOfHop(): boolean {
    return this.#from.id === this.#place.id;
  }

  /** Whether the receiving context is the hop itself. */
  get isToHop(): boolean {
    return this.#to.link.id === this.#place.id;
  }

  /** The hop sent this before it heard of the shortcut: its switch takes it from here. */
  heard(flags: number, body: Uint8Array): void {
    if (this.#isEnded) return;
    const { link, credits } = this.#to;
    this.#order(SWITCH.HEARD, [link.id, credits, flags, body]);
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The context was never given the sender: it is this process's alone again. */
  revoke(): void {
    if (this.#isEnded) return;
    if (this.#orders === undefined) {
      this.#order(SWITCH.UNRELAY, [this.handle, this.#from.id, null]);
    } else this.#orders.length = 0;
    this.#to.takeBack();
    this.#end();
  }

  /** The receiver was closed before the hop knew of the relay. @param closing why */
  refuse(closing: Uint8Array): void {
    this.#order(SWITCH.UNRELAY, [this.handle, this.#from.id, closing]);
    this.#end();
  }

  /** Sends a value of this process on the same channel. Resolves when there is room for more. */
  inject(body: Uint8Array): Promise<void> {
    const turn = this.#injected.then(async () => {
      if (this.#isEnded) return;
      await new Promise<void>((resolve) => {
        this.#onInjected = resolve;
        this.#order(SWITCH.INJECT, [this.handle, this.#from.id, body]);
      });
    });
    this.#injected = turn;
    return turn;
  }

  #order(...order: Parameters<MeetingPlace["order"]>): void {
    if (this.#orders === undefined) this.#place.order(...order);
    else this.#orders.push(order);
  }

  #receive({ body }: Message): void {
    const notice = body.length <= MAX_NOTICE ? decoder.decode(body) : "";
    if (notice === '["relay","ended"]') {
      this.#to.refuse();
      this.#end();
    } else if (notice === '["relay","injected"]') this.#wake();
    else this.#translate(body);
  }

  /** A value that the hop cannot hand on as it is: what it holds has other names elsewhere. */
  #translate(body: Uint8Array): void {
    const { link, handle } = this.#to;
    const { chunks, length } = link.encode(this.#from.decode(body));
    const relayed = [this.handle, this.#from.id];
    if (length <= MAX_RELAYED) {
      this.#order(SWITCH.RELAYED, [...relayed, Buffer.concat(chunks)]);
      return;
    }
    link.router.send({ dst: link.id, handle }, chunks);
    this.#order(SWITCH.RELAYED, [...relayed, null], 0, link.id);
  }

  #wake(): void {
    this.#onInjected?.();
    this.#onInjected = undefined;
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const { router, id } = this.#from;
    router.forget(id, this.handle);
    router.forget(this.#place.id, this.#notices);
    this.#wake();
    this.#onEnd();
  }
}
