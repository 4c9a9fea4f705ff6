/**
 * ReplayLink: what is sent to a context before it is known which child will serve it. It goes out at once, to the child that is tried first,
 * and is remembered until one has answered: should another take that one's place, that hears all of it again. Knows nothing of children.
 */
import type { Envelope } from "../protocol/frame.ts";
import { type BodyTarget, type DirectLink, directLink } from "./frame-receiver.ts";
import type { Link, Withdraw } from "./router.ts";
import type { Lane } from "./stream.ts";

interface Sent {
  readonly envelope: Envelope;
  readonly body: readonly Uint8Array[];
  readonly lane: Lane | undefined;
  readonly length: number;
  withdraw: Withdraw;
}

export class ReplayLink implements Link, DirectLink {
  #link: Link | undefined;
  #sent: Sent[] = [];
  #settled = false;
  #bytes = 0;

  /** Bytes that are remembered. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whatever was sent, and all that follows, goes to `link`; while there is none, nobody has heard a word of it. */
  lead(link: Link | undefined): void {
    this.#link = link;
    for (const one of this.#sent) {
      one.withdraw = link?.send(one.envelope, one.body, one.lane) ?? withdrawn;
    }
  }

  /** This link it is: nothing has to be remembered any more. */
  settle(): void {
    this.#settled = true;
    this.#sent = [];
    this.#bytes = 0;
  }

  send(envelope: Envelope, body: readonly Uint8Array[], lane?: Lane): Withdraw {
    const withdraw = this.#link?.send(envelope, body, lane) ?? withdrawn;
    if (this.#settled) return withdraw;
    const length = body.reduce((sum, chunk) => sum + chunk.length, 0);
    const one: Sent = { envelope, body, lane, length, withdraw };
    this.#sent.push(one);
    this.#bytes += length;
    return () => {
      const progress = one.withdraw();
      if (progress === "withdrawn") this.#forget(one);
      return progress;
    };
  }

  /** As `DirectLink`, on the link of now: the slave that sends is the one that has answered. */
  direct(src: number, handle: number, target: BodyTarget): () => void {
    return directLink(this.#link)?.direct(src, handle, target) ?? (() => {});
  }

  close(error: Parameters<Link["close"]>[0]): void {
    this.#link?.close(error);
  }

  #forget(one: Sent): void {
    const at = this.#sent.indexOf(one);
    if (at < 0) return;
    this.#sent.splice(at, 1);
    this.#bytes -= one.length;
  }
}

function withdrawn(): "withdrawn" {
  return "withdrawn";
}
