/**
 * SenderTable: the values that go to one context and come from it, and which senders it was given and has given. A sender that it may use is one
 * that was handed to it; nobody else can use that. Knows no call.
 *
 * A sender of one context that is given to another leads through here, with a window of its own on each hop.
 */

import { ChannelError, ProtocolError } from "../errors.ts";
import type { Router } from "../mux/router.ts";
import { MASTER_ID } from "../protocol/handles.ts";
import { LIMITS } from "../protocol/limits.ts";
import {
  type Body,
  decodeValue,
  encodeValue,
  GeneratorReference,
  SenderReference,
} from "../protocol/value.ts";
import {
  Channel,
  LocalTarget,
  outletOf,
  type Receiver,
  Sender,
  type SendTarget,
} from "./channel.ts";
import type { Wire } from "./close-reason.ts";
import { InboundChannel } from "./inbound.ts";
import { OutboundChannel } from "./outbound.ts";

/** What is needed of a context. */
export interface PeerHost {
  readonly id: number;
  readonly name: string;
  readonly router: Router;
  mapStack(text: string): string;
  /** What a generator over there is here. */
  generator(number: number): unknown;
}

/** An encoded value. */
export interface SentBody extends Body {
  /** Nobody was told of it: forget the handles that were made for senders in it. */
  revoke(): void;
  /** It was torn out of what it did with them: forget those that nobody receives from. */
  revokeEnded(): void;
}

/** A receiver that a context may send to, and the sender that stands for it here. */
interface Admitted {
  readonly inlet: InboundChannel;
  readonly sender: Sender;
}

export class SenderTable implements Wire {
  readonly id: number;
  readonly name: string;
  readonly router: Router;
  readonly #host: PeerHost;
  /** What it was given, by where that leads, and by the handle that it knows. */
  readonly #inlets = new Map<SendTarget, Admitted>();
  readonly #byHandle = new Map<number, Admitted>();
  /** What it has given, by its own handles. */
  readonly #outlets = new Map<number, Sender>();

  #isLinked = false;

  constructor(host: PeerHost) {
    this.id = host.id;
    this.name = host.name;
    this.router = host.router;
    this.#host = host;
  }

  /** Whether a sender was sent: it needs what serves one. */
  get isLinked(): boolean {
    return this.#isLinked;
  }

  /** How many channels end at it: each has a handle that waits for a message of it. */
  get channels(): number {
    return this.#byHandle.size + this.#outlets.size;
  }

  encode(value: unknown, root: string | readonly string[] = "value"): SentBody {
    const admitted: Admitted[] = [];
    const body = encodeValue(value, { root, refer: (object) => this.#export(object, admitted) });
    const revoke = (): void => {
      for (const { inlet } of admitted) inlet.revoke();
    };
    const revokeEnded = (): void => {
      for (const { inlet } of admitted) if (inlet.isEnded) inlet.revoke();
    };
    return { ...body, revoke, revokeEnded };
  }

  decode(body: Uint8Array): unknown {
    return decodeValue(body, { adopt: (reference) => this.#import(reference) });
  }

  mapStack(text: string): string {
    return this.#host.mapStack(text);
  }

  #export(object: object, admitted: Admitted[]): SenderReference | undefined {
    if (!(object instanceof Sender)) return undefined;
    this.#isLinked = true;
    const outlet = outletOf(object);
    if (outlet instanceof OutboundChannel && outlet.wire === this) {
      return new SenderReference(this.id, outlet.handle);
    }
    const known = this.#inlets.get(outlet);
    if (known !== undefined) return new SenderReference(MASTER_ID, known.inlet.handle);
    const receiver = outlet instanceof LocalTarget ? outlet.receiver : relayed(object);
    const one = this.#admit(outlet, receiver, object);
    admitted.push(one);
    return new SenderReference(MASTER_ID, one.inlet.handle);
  }

  #admit(outlet: SendTarget, receiver: Receiver, sender: Sender): Admitted {
    const inlet = new InboundChannel(this, receiver, () => {
      this.#inlets.delete(outlet);
      this.#byHandle.delete(inlet.handle);
    });
    const admitted = { inlet, sender };
    this.#inlets.set(outlet, admitted);
    this.#byHandle.set(inlet.handle, admitted);
    return admitted;
  }

  #import(reference: SenderReference | GeneratorReference): unknown {
    const { id, handle } = reference;
    if (id === this.id) {
      if (reference instanceof GeneratorReference) return this.#host.generator(handle);
      return this.#outlets.get(handle) ?? this.#outlet(handle);
    }
    if (id !== MASTER_ID || reference instanceof GeneratorReference) {
      throw new ProtocolError("ERR_PROTOCOL_VALUE", `a sender of context ${id}`);
    }
    // One that it was given, come home. What is closed may have been forgotten.
    return this.#byHandle.get(handle)?.sender ?? new Sender(new ClosedOutlet(this.name));
  }

  #outlet(handle: number): Sender {
    if (this.#outlets.size >= LIMITS.maxSenders) {
      const problem = `${LIMITS.maxSenders} senders were given, and none of those channels was closed`;
      throw new ProtocolError("ERR_PROTOCOL_SENDERS", problem);
    }
    const outlet = new OutboundChannel(this, handle, () => this.#outlets.delete(handle));
    const sender = new Sender(outlet);
    this.#outlets.set(handle, sender);
    return sender;
  }
}

/** A receiver whose values all go to a sender of another context. */
function relayed(sender: Sender): Receiver {
  const { receiver } = new Channel();
  outletOf(sender).onRefused?.((reason) => receiver.close(reason));
  void relay(receiver, sender);
  return receiver;
}

/** Hand on all that comes, as fast as it is taken. Never rejects. */
async function relay(receiver: Receiver, sender: Sender): Promise<void> {
  try {
    for await (const value of receiver) await sender.send(value);
    sender.close();
  } catch (error) {
    sender.close(error);
    receiver.close(error);
  }
}

/** Of a channel that is long over. */
class ClosedOutlet implements SendTarget {
  readonly closed = true;
  readonly #context: string;

  constructor(context: string) {
    this.#context = context;
  }

  send(): Promise<void> {
    const message = `${this.#context}: the channel is closed`;
    return Promise.reject(new ChannelError("ERR_CHANNEL_CLOSED", message));
  }

  close(): void {}
}
