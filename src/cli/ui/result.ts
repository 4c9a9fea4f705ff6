/**
 * Results of calls, made ready to be printed. Values for which JSON has no type are written as in
 * docs/protocol.md, "Values", with bytes in base64: `{"!b":"aGk="}`.
 */
import { inspect } from "node:util";
import { neutralise, RemoteError } from "../../index.ts";
import { jsonText } from "./json.ts";

/** @returns text as it is, bytes as they are unless for a terminal, and other values as JSON */
export function display(value: unknown, asJson: boolean, isTerminal: boolean): string | Uint8Array {
  if (!asJson && typeof value === "string") {
    return `${isTerminal ? neutralise(value) : value}\n`;
  }
  if (!asJson && !isTerminal && value instanceof Uint8Array) return value;
  return `${toJson(value)}\n`;
}

/** Like `display`, for any value of this process. Values that no call can return are inspected. */
export function displayAny(
  value: unknown,
  asJson: boolean,
  isTerminal: boolean,
): string | Uint8Array {
  if (asJson || isData(value, [])) return display(value, asJson, isTerminal);
  const text = inspect(value, { depth: 4 });
  return `${isTerminal ? neutralise(text) : text}\n`;
}

function isData(value: unknown, around: readonly unknown[]): boolean {
  if (typeof value === "symbol" || typeof value === "function") return false;
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return true;
  if (value instanceof Date || value instanceof RemoteError) return true;
  if (around.includes(value)) return false;
  const inside = [...around, value];
  const isList = Array.isArray(value) || value instanceof Set || value instanceof Map;
  const prototype = Object.getPrototypeOf(value) as unknown;
  if (!isList && prototype !== Object.prototype && prototype !== null) return false;
  const parts: Iterable<unknown> = isList ? value : Object.values(value);
  return [...parts].every((part) => isData(part, inside));
}

export function toJson(value: unknown): string {
  return jsonText(plain(value));
}

/** @returns a JSON number of any size, for `JSON.stringify` */
function digits(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text);
}

function plain(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === "bigint") return digits(String(value));
  if (typeof value === "number") return number(value);
  if (typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Uint8Array) return { "!b": value.toBase64() };
  if (value instanceof Date) return { "!d": value.getTime() };
  if (value instanceof Set) return { "!s": [...value].map(plain) };
  if (value instanceof Map) return { "!m": [...value].map(([k, v]) => [plain(k), plain(v)]) };
  if (value instanceof RemoteError) return { "!e": [value.type, value.message, value.traceback] };
  const entries = Object.entries(value).map(([name, v]) => [name, plain(v)] as const);
  const [only] = entries;
  if (entries.length === 1 && only?.[0].startsWith("!")) return { "!o": entries };
  return Object.fromEntries(entries);
}

function number(value: number): unknown {
  if (Number.isFinite(value)) return Object.is(value, -0) ? digits("-0.0") : value;
  return { "!f": Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf" };
}
