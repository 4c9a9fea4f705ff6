/** The orders that a hop gets, as a puppet in its place has them (../faults/puppet-slave.ts). */
import { SWITCH } from "../../src/protocol/handles.ts";

export type Order = readonly [operation: number, reply: number, body: unknown[]];

/** A child that a hop is to start. */
export interface Start {
  /** Where events of the child go. */
  readonly reply: number;
  readonly id: number;
  readonly argv: readonly string[];
  readonly nonce: string;
}

/** @param orders from the first one on: the hop makes some of parts that it was given before */
export function startsOf(orders: readonly Order[]): Start[] {
  const kept = new Map<unknown, unknown>();
  const starts: Start[] = [];
  for (const [operation, , order] of orders) {
    if (operation === SWITCH.KEEP) kept.set(order[0], order[1]);
    if (operation !== SWITCH.FORWARD || order[1] !== SWITCH.START) continue;
    const [, , reply, , [head]] = order as [number, number, number, number, unknown[]];
    const bytes = (kept.get(head) ?? head) as Uint8Array;
    const [id, argv, , nonce] = readHead(bytes) as [number, string[], unknown, string];
    starts.push({ reply, id, argv, nonce });
  }
  return starts;
}

/** @param head the JSON text of a value, with its length before it; the raw parts come later */
function readHead(head: Uint8Array): readonly unknown[] {
  const bytes = Buffer.from(head);
  return JSON.parse(bytes.subarray(5, 5 + bytes.readUInt32BE(1)).toString()) as unknown[];
}
