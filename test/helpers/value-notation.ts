/**
 * The notation of test/vectors/README.md: reads the table, makes values of the notation and
 * describes values in it. Two values are equal if their descriptions are: `describe` sorts what has
 * no order.
 */
import type { Body } from "../../src/protocol/value.ts";
import { RemoteError, SenderReference } from "../../src/protocol/value.ts";
import vectors from "../vectors/values.json";

export type Notation = null | boolean | number | string | Notation[] | { [kind: string]: Notation };

export interface Vector {
  readonly name: string;
  readonly text?: string;
  readonly parts?: string[];
  readonly hex?: string;
  readonly value?: Notation;
  readonly refused?: true;
  readonly python?: Notation;
  readonly loose?: true;
  readonly decodeOnly?: true;
}

export const VECTORS = vectors as unknown as Vector[];

export function bodyOf({ text = "", parts, hex }: Vector): Uint8Array {
  if (hex !== undefined) return Uint8Array.fromHex(hex);
  const source = new TextEncoder().encode(text);
  if (!parts) return source;
  const head = new Uint8Array(5);
  new DataView(head.buffer).setUint32(1, source.length);
  return concat([head, source, ...parts.map((part) => Uint8Array.fromHex(part))]);
}

export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat([...chunks]));
}

/** One array of the body's bytes, as they would arrive. */
export function flatten(body: Body): Uint8Array {
  const flat = concat(body.chunks);
  if (flat.length !== body.length) throw new Error(`length ${body.length} of ${flat.length}`);
  return flat;
}

export function build(notation: Notation): unknown {
  if (Array.isArray(notation)) return notation.map(build);
  if (typeof notation !== "object" || notation === null) return notation;
  const [[kind, content] = ["", null]] = Object.entries(notation);
  const list = content as Notation[];
  switch (kind) {
    case "object": {
      const members = (list as [string, Notation][]).map(([name, v]) => [name, build(v)]);
      return Object.fromEntries(members);
    }
    case "map":
      return new Map((list as [Notation, Notation][]).map(([k, v]) => [build(k), build(v)]));
    case "set":
      return new Set(list.map(build));
    case "bytes":
      return Uint8Array.fromHex(content as string);
    case "integer":
      return BigInt(content as string);
    case "float":
      return new DataView(Uint8Array.fromHex(content as string).buffer).getFloat64(0);
    case "date":
      return new Date(content as number);
    case "undefined":
      return undefined;
    case "error":
      return new RemoteError(...(list as [string, string, string]));
    case "sender":
      return new SenderReference(...(list as [number, number]));
  }
  throw new Error(`no such notation: ${kind}`);
}

export function describe(value: unknown): Notation {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return describeNumber(value);
  if (typeof value === "bigint") return { integer: String(value) };
  if (value === undefined) return { undefined: 0 };
  if (Array.isArray(value)) return value.map(describe);
  if (value instanceof Uint8Array) return { bytes: new Uint8Array(value).toHex() };
  if (value instanceof Date) return { date: value.getTime() };
  if (value instanceof Set) return sorted({ set: [...value].map(describe) });
  if (value instanceof Map) return sorted({ map: [...value].map(describe) });
  if (value instanceof RemoteError) return { error: [value.type, value.message, value.traceback] };
  if (value instanceof SenderReference) return { sender: [value.id, value.handle] };
  if (Object.getPrototypeOf(value) !== Object.prototype) throw new Error("unexpected class");
  return sorted({ object: Object.entries(value as object).map(describe) });
}

function describeNumber(value: number): Notation {
  const plain = Number.isInteger(value)
    ? Number.isSafeInteger(value) && !Object.is(value, -0)
    : Number.isFinite(value) && Math.abs(value) >= 1e-300;
  if (plain) return value;
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return { float: bytes.toHex() };
}

/** The same notation with everything that has no order in one order. */
export function sorted(notation: Notation): Notation {
  if (Array.isArray(notation)) return notation.map(sorted);
  if (typeof notation !== "object" || notation === null) return notation;
  const [[kind, content] = ["", null]] = Object.entries(notation);
  if (!Array.isArray(content)) return notation;
  const items = content.map(sorted);
  const unordered = kind === "object" || kind === "set" || kind === "map";
  return { [kind]: unordered ? items.sort((a, b) => order(key(a), key(b))) : items };
}

function key(notation: Notation): string {
  return JSON.stringify(notation);
}

function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** What is left of a value that has been in Python. */
export function throughPython(notation: Notation): Notation {
  if (Array.isArray(notation)) return notation.map(throughPython);
  if (typeof notation !== "object" || notation === null) return notation;
  const [[kind, content] = ["", null]] = Object.entries(notation);
  if (kind === "undefined") return null;
  if (kind === "integer" && Number.isSafeInteger(Number(content))) return Number(content);
  const inner = Array.isArray(content) ? content.map(throughPython) : content;
  const pairs = inner as [Notation, Notation][];
  const asObject = kind === "map" && pairs.every(([name]) => typeof name === "string");
  return sorted({ [asObject ? "object" : kind]: inner });
}
