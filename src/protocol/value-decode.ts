/**
 * Bodies to values. The sender is not trusted: the depth is checked before anything is built, the
 * size of the result is bounded by the size of the body, and only types in the table of
 * docs/protocol.md, "Values", are made.
 *
 * The native parser reads the text. Only if the text has `!` members, the parsed tree is walked and
 * changed in place. Layout: value.ts.
 */
import { ProtocolError } from "../errors.ts";
import { isWellFormed } from "../text.ts";
import { LIMITS } from "./limits.ts";
import { GeneratorReference, RemoteError, SenderReference } from "./value-types.ts";

const MAX_DIGITS = 4300;
const MAX_TIME_MS = 8.64e15;
const MAX_U32 = 0xffffffff;
const INTEGER = /^(?:0|-?[1-9][0-9]*)$/;
/**
 * Floats from 2^53 to 10^21. `isPlainNumber` in value-encode.ts says why they are not JSON numbers.
 */
const BIG_FLOAT = /^-?[1-9][0-9]{15,20}$/;
/** Escapes that may stand for a `!` or a lone surrogate. No encoder of ours writes them. */
const HIDING = /\\u(?:0021|[dD][89a-fA-F])/;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NOTHING: Uint8Array = new Uint8Array(0);

export interface DecodeOptions {
  readonly maxDepth?: number;
  /** Returns the value that a reference stands for. Default: the reference. */
  readonly adopt?: (reference: SenderReference | GeneratorReference) => unknown;
}

/**
 * @param body must not change afterwards: large parts of the result are views of it
 * @throws {ProtocolError} `ERR_PROTOCOL_VALUE`, and nothing else
 */
export function decodeValue(body: Uint8Array, options: DecodeOptions = {}): unknown {
  const { maxDepth = LIMITS.maxDepth, adopt } = options;
  let textBytes = body;
  let parts = NOTHING;
  if (body[0] === 0) {
    if (body.length < 5) throw malformed("a header cut short");
    const view = new DataView(body.buffer, body.byteOffset, 5);
    const end = 5 + view.getUint32(1);
    if (end > body.length) throw malformed("text cut short");
    textBytes = body.subarray(5, end);
    parts = body.subarray(end);
  }
  let text: string;
  let value: unknown;
  try {
    text = decoder.decode(textBytes);
  } catch {
    throw malformed("text that is not UTF-8");
  }
  if (textBytes.length > maxDepth && isTooDeep(textBytes, maxDepth)) {
    throw malformed(`nested deeper than ${maxDepth}`);
  }
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed("text that is not JSON");
  }
  let used = 0;
  if (text.includes('"!') || (text.includes("\\u") && HIDING.test(text))) {
    const reviver = new Reviver(parts, body.length, adopt);
    value = reviver.revive(value);
    used = reviver.used;
  }
  if (used !== parts.length) throw malformed("parts that no value has");
  return value;
}

function malformed(what: string): ProtocolError {
  return new ProtocolError("ERR_PROTOCOL_VALUE", `malformed value: ${what}`);
}

/**
 * Counts brackets outside of strings. In text that is not JSON, the count is right up to the place
 * where it stops being JSON, and the parser reads no further. (In UTF-8, no byte of a longer
 * sequence is ASCII.)
 */
function isTooDeep(text: Uint8Array, maxDepth: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const byte = text[i];
    if (byte === 0x22) inString = !inString;
    else if (inString) i += byte === 0x5c ? 1 : 0;
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > maxDepth) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return false;
}

/** One decoding under way. Recursion is safe: the depth has been checked. */
class Reviver {
  /**
   * Bytes of the parts that were used. At the end it must be all of them: so a body cannot use the
   * same bytes a thousand times.
   */
  used = 0;
  readonly #parts: Uint8Array;
  readonly #bodyLength: number;

  readonly #adopt: NonNullable<DecodeOptions["adopt"]>;

  constructor(parts: Uint8Array, bodyLength: number, adopt: DecodeOptions["adopt"]) {
    this.#parts = parts;
    this.#bodyLength = bodyLength;
    this.#adopt = adopt ?? ((reference) => reference);
  }

  revive(value: unknown): unknown {
    if (typeof value === "string") return wellFormed(value);
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) value[i] = this.revive(value[i]);
      return value;
    }
    const record = value as Record<string, unknown>;
    const keys = Object.keys(record);
    const [name] = keys;
    if (keys.length === 1 && name?.startsWith("!")) return this.#special(name, record[name]);
    // JSON.parse makes `__proto__` an own member, so that this assigns it like any other.
    for (const key of keys) record[wellFormed(key)] = this.revive(record[key]);
    return record;
  }

  #special(tag: string, content: unknown): unknown {
    switch (tag) {
      case "!b":
        return this.#bytes(tuple(tag, content, isCount, isCount));
      case "!i":
        if (!isText(content) || content.length > MAX_DIGITS + 1 || !INTEGER.test(content)) break;
        if (content.length > MAX_DIGITS && content[0] !== "-") break;
        return BigInt(content);
      case "!f":
        return reviveFloat(content);
      case "!d":
        if (typeof content !== "number" || Math.abs(content) > MAX_TIME_MS) break;
        return new Date(content);
      case "!s":
        return new Set(this.#list(tag, content));
      case "!m":
        return new Map(this.#list(tag, content).map((pair) => tuple(tag, pair, isAny, isAny)));
      case "!u":
        if (content !== 0) break;
        return undefined;
      case "!e":
        return new RemoteError(...tuple(tag, content, isText, isText, isText));
      case "!h":
        return this.#adopt(new SenderReference(...tuple(tag, content, isU32, isU32)));
      case "!g":
        return this.#adopt(new GeneratorReference(...tuple(tag, content, isU32, isU32)));
      case "!o": {
        const [pair] = tuple(tag, content, isAny);
        const [name, inner] = tuple(tag, pair, isText, isAny);
        if (!name.startsWith("!")) break;
        return { [wellFormed(name)]: this.revive(inner) };
      }
    }
    throw malformed(`bad ${JSON.stringify(tag.slice(0, 20))}`);
  }

  #list(tag: string, content: unknown): unknown[] {
    if (!Array.isArray(content)) throw malformed(`bad ${tag}`);
    this.revive(content);
    return content;
  }

  /** Large parts are views. A small one is copied, so that it does not keep the body alive. */
  #bytes([offset, length]: [number, number]): Uint8Array {
    this.used += length;
    const parts = this.#parts;
    if (offset + length > parts.length || this.used > parts.length) throw malformed("bad !b");
    const view = new Uint8Array(parts.buffer, parts.byteOffset + offset, length);
    return length * 2 < this.#bodyLength ? new Uint8Array(view) : view;
  }
}

function reviveFloat(content: unknown): number {
  switch (content) {
    case "nan":
      return Number.NaN;
    case "inf":
      return Number.POSITIVE_INFINITY;
    case "-inf":
      return Number.NEGATIVE_INFINITY;
    case "-0":
      return -0;
  }
  if (!isText(content) || !BIG_FLOAT.test(content)) throw malformed("bad !f");
  return Number(content);
}

type Guard<T> = (value: unknown) => value is T;
type Guarded<G> = { [K in keyof G]: G[K] extends Guard<infer T> ? T : never };

/** @returns `content` as a list whose items pass the guards, one each */
function tuple<const G extends Guard<unknown>[]>(
  tag: string,
  content: unknown,
  ...guards: G
): Guarded<G> {
  const fits =
    Array.isArray(content) &&
    content.length === guards.length &&
    guards.every((guard, i) => guard(content[i]));
  if (!fits) throw malformed(`bad ${tag}`);
  return content as Guarded<G>;
}

function isAny(_value: unknown): _value is unknown {
  return true;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && isWellFormed(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isU32(value: unknown): value is number {
  return isCount(value) && value <= MAX_U32;
}

function wellFormed(text: string): string {
  if (!isWellFormed(text)) throw malformed("text with a lone surrogate");
  return text;
}
