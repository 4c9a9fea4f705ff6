/** Reads what a module responder makes, as a slave does. */
import { deflateSync, inflateSync } from "node:zlib";
import { join, type Packed } from "../../src/modules/packed.ts";
import type { ModuleMessage, Supplied } from "../../src/modules/responder.ts";
import { FLAGS } from "../../src/protocol/frame.ts";
import { HANDLES } from "../../src/protocol/handles.ts";
import { decodeValue, encodeValue } from "../../src/protocol/value.ts";

/** The body with a list of records: always compressed. */
export function packedRecords(records: readonly unknown[]): Uint8Array {
  return deflateSync(Buffer.concat(encodeValue(records).chunks));
}

/** The bytes of a body, before compression. */
export function plain({ body, flags }: Supplied): Buffer {
  return (flags & FLAGS.DEFLATE) === 0 ? Buffer.from(body) : inflateSync(body);
}

/** The text of a compressed piece. */
export function textOf(piece: Packed): string {
  return inflateSync(join([piece])).toString();
}

/** The records of a list, or of a bundle with its sources as texts. */
export function recordsOf(supplied: Supplied): unknown[][] {
  const bytes = plain(supplied);
  const end = bytes.indexOf("\n");
  if (end < 0) return decodeValue(bytes) as unknown[][];
  const heads = JSON.parse(bytes.toString("utf8", 0, end)) as unknown[][];
  let at = end + 1;
  for (const head of heads) {
    if (head.length === 1) continue;
    const size = head[4] as number;
    head[4] = bytes.toString("utf8", at, at + size);
    at += size;
  }
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes are left of the bundle`);
  return heads;
}

/** The records that are sent unasked: in JavaScript, those of the second tier come first. */
export function offeredRecords(messages: readonly ModuleMessage[]): unknown[][] {
  const order = messages.map(({ handle }) => handle);
  const isRight =
    order.every((handle) => handle === HANDLES.LOAD_MODULE) ||
    order.slice(1).every((handle) => handle === HANDLES.LOAD_BUNDLE);
  if (!isRight) throw new Error(`the messages are in the wrong order: ${order.join()}`);
  return messages.flatMap(recordsOf);
}
