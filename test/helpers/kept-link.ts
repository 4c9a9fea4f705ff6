/** A link that keeps what is sent over it, and has room for all of it. */
import type { Link, Passage } from "../../src/mux/link.ts";
import type { Envelope } from "../../src/protocol/frame.ts";

export interface Sent extends Envelope {
  readonly body: Uint8Array;
  readonly passage: Passage | undefined;
}

export function keptLink(): { readonly link: Link; readonly sent: Sent[] } {
  const sent: Sent[] = [];
  const link: Link = {
    heardAt: 0,
    forget: () => {},
    limit: () => {},
    ready: () => Promise.resolve(),
    send: (envelope, body, _lane, passage) => {
      sent.push({ ...envelope, body: Buffer.concat(body as Uint8Array[]), passage });
      return () => "sent";
    },
  };
  return { link, sent };
}
