/**
 * SenderTable: encodes the values that go to one context, and decodes those that come from it. It
 * keeps which senders the context was given (exports) and which it has given (imports). A context
 * may use a sender only if it was given that sender. Knows no call.
 */

import { ChannelError, ProtocolError } from "../errors.ts";
import type { ContextLink } from "../mux/context-link.ts";
import type { Router } from "../mux/router.ts";
import { MASTER_ID, SWITCH_BIT } from "../protocol/handles.ts";
import { LIMITS } from "../protocol/limits.ts";
import {
  type Body,
  type DecodeOptions,
  decodeValue,
  encodeLowered,
  encodePlain,
  GeneratorReference,
  SenderReference,
} from "../protocol/value.ts";
import { inboxOf, LocalTarget, Sender, type SendTarget, targetOf } from "./channel.ts";
import { InboundChannel } from "./inbound.ts";
import { OutboundChannel } from "./outbound.ts";
import { relayed } from "./relay.ts";
import { Shortcut } from "./shortcut.ts";
import type { ReleaseReason, SentBody, SentSenders, ValueLink } from "./value-link.ts";

/** What takes the values of an export: a channel into this process, or a way past it. */
interface ExportEnd {
  readonly handle: number;
  /** Whether the receiver takes no more values. */
  readonly isEnded: boolean;
  /** Frees the handle. */
  revoke(): void;
}

/** A receiver that the context may send to, and the sender here that stands for it. */
interface Exported {
  readonly end: ExportEnd;
  readonly sender: Sender;
  /** Values that it was sent in, and that the context may have read. */
  uses: number;
}

/**
 * A sender in a value that is sent as the handle alone, a number. So a slave need not have what
 * makes a sender of it before it has read the value.
 */
export class HandleOf {
  readonly sender: Sender;

  constructor(sender: Sender) {
    this.sender = sender;
  }
}

/** Of a value without senders. */
export const NO_SENDERS: SentSenders = { release: () => {} };

function withoutSenders({ chunks, length, extended }: Body): SentBody {
  return { chunks, length, extended, senders: NO_SENDERS };
}

export class SenderTable implements ValueLink {
  readonly id: number;
  readonly name: string;
  readonly router: Router;
  readonly mapStack: ContextLink["mapStack"];
  readonly meet: ContextLink["meet"];
  readonly #generatorOf: (number: number) => unknown;
  /** Exports by the end that their values go to, and by the handle that the context knows. */
  readonly #exports = new Map<SendTarget, Exported>();
  readonly #byHandle = new Map<number, Exported>();
  /** Imports by the context's own handle. */
  readonly #imports = new Map<number, Sender>();
  #hasExported = false;
  readonly #decoding: DecodeOptions = { adopt: (reference) => this.#import(reference) };

  /** @param generatorOf makes the generator that stands for one in the context, by its number */
  constructor(link: ContextLink, generatorOf: (number: number) => unknown) {
    this.id = link.id;
    this.name = link.name;
    this.router = link.router;
    this.mapStack = (text) => link.mapStack(text);
    this.meet = link.meet;
    this.#generatorOf = generatorOf;
  }

  /** Whether a sender was ever exported: the context needs the code that serves senders. */
  get hasExported(): boolean {
    return this.#hasExported;
  }

  /** Open channels: each has one handle that waits for messages of the context. */
  get channels(): number {
    return this.#byHandle.size + this.#imports.size;
  }

  encode(value: unknown, root: string | readonly string[] = "value"): SentBody {
    const plain = encodePlain(value);
    return plain === undefined ? this.#encodeWithSenders(value, root) : withoutSenders(plain);
  }

  decode(body: Uint8Array): unknown {
    return decodeValue(body, this.#decoding);
  }

  #encodeWithSenders(value: unknown, root: string | readonly string[]): SentBody {
    let exported: Exported[] | undefined;
    const use = (one: Exported): void => {
      one.uses++;
      exported ??= [];
      exported.push(one);
    };
    const refer = (object: object): SenderReference | number | undefined =>
      object instanceof HandleOf
        ? this.#export(object.sender, use)?.handle
        : this.#export(object, use);
    try {
      const { chunks, length, extended } = encodeLowered(value, { root, refer });
      const senders = exported === undefined ? NO_SENDERS : new Exports(exported);
      return { chunks, length, extended, senders };
    } catch (error) {
      if (exported !== undefined) new Exports(exported).release("unread");
      throw error;
    }
  }

  /** @param use is called with each export that the value refers to */
  #export(object: object, use: (exported: Exported) => void): SenderReference | undefined {
    if (!(object instanceof Sender)) return undefined;
    this.#hasExported = true;
    const target = targetOf(object);
    if (target instanceof OutboundChannel && target.link === this) {
      return new SenderReference(this.id, target.handle);
    }
    const exported = this.#exports.get(target) ?? this.#open(target, object);
    use(exported);
    const { end } = exported;
    const isNear = end instanceof Shortcut && end.isOfHop;
    return new SenderReference(isNear ? this.id + SWITCH_BIT : MASTER_ID, end.handle);
  }

  #open(target: SendTarget, sender: Sender): Exported {
    const ended = (): void => {
      // A sender whose channel was closed may have been exported anew.
      if (this.#exports.get(target) === exported) this.#exports.delete(target);
      this.#byHandle.delete(end.handle);
    };
    const end = this.#shortcut(target, ended) ?? this.#inbound(target, sender, ended);
    const exported: Exported = { end, sender, uses: 0 };
    this.#exports.set(target, exported);
    this.#byHandle.set(end.handle, exported);
    return exported;
  }

  #inbound(target: SendTarget, sender: Sender, ended: () => void): InboundChannel {
    const inbox = target instanceof LocalTarget ? target.inbox : inboxOf(relayed(sender));
    return new InboundChannel(this, inbox, ended);
  }

  /** @returns the way past this process, if one hop leads to both contexts, or is one */
  #shortcut(target: SendTarget, ended: () => void): Shortcut | undefined {
    if (!(target instanceof OutboundChannel) || !target.isUnused) return undefined;
    // Contexts of another broker have other hops, by the same numbers.
    const isNear = target.link.router === this.router;
    const place = isNear ? this.meet?.(target.link.id) : undefined;
    if (place === undefined) return undefined;
    const shortcut = new Shortcut(place, this, target, ended);
    target.handOver(shortcut);
    return shortcut;
  }

  #import(reference: SenderReference | GeneratorReference): unknown {
    const { id, handle } = reference;
    if (id === this.id) {
      if (reference instanceof GeneratorReference) return this.#generatorOf(handle);
      return this.#imports.get(handle) ?? this.#connect(handle);
    }
    if (id !== MASTER_ID || reference instanceof GeneratorReference) {
      throw new ProtocolError("ERR_PROTOCOL_VALUE", `a sender of context ${id}`);
    }
    // The context sends back a sender that it was given. A closed channel may be forgotten here.
    return this.#byHandle.get(handle)?.sender ?? new Sender(new ClosedTarget(this.name));
  }

  #connect(handle: number): Sender {
    const limit = LIMITS.maxSenders;
    if (this.#imports.size >= limit) {
      const problem = `${limit} senders were given, and none of those channels was closed`;
      throw new ProtocolError("ERR_PROTOCOL_SENDERS", problem);
    }
    const outbound = new OutboundChannel(this, handle, () => this.#imports.delete(handle));
    const sender = new Sender(outbound);
    this.#imports.set(handle, sender);
    return sender;
  }
}

class Exports implements SentSenders {
  readonly #exported: readonly Exported[];

  constructor(exported: readonly Exported[]) {
    this.#exported = exported;
  }

  /** An export that another value refers to stays: the context may use it. */
  release(why: ReleaseReason): void {
    for (const one of this.#exported) {
      one.uses--;
      if (one.uses > 0) continue;
      if (why === "unread" || one.end.isEnded) one.end.revoke();
    }
  }
}

/** The target of a sender whose channel is closed and forgotten. */
class ClosedTarget implements SendTarget {
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
