/**
 * Values to bodies. Most values are plain JSON: a walk that allocates nothing proves it, and one
 * native `JSON.stringify` writes them. Other values are lowered first: copied into a tree that JSON
 * can write, with their bytes beside it.
 *
 * A value that cannot arrive equal is refused, with its path. Layout: value.ts.
 */
import { ValueError } from "../errors.ts";
import { isWellFormed, toWellFormed } from "../text.ts";
import { LIMITS } from "./limits.ts";
import { type Body, GeneratorReference, RemoteError, SenderReference } from "./value-types.ts";

export interface EncodeOptions {
  /**
   * The name of the value in errors; default "value". A list names the elements of an array: with
   * `["function", "args"]`, the path is `args[0].socket` instead of `value[1][0].socket`.
   */
  readonly root?: string | readonly string[];
  /**
   * Returns the reference, or the handle, that is sent for an object. It is asked for each object
   * that has no other form; undefined means that the object cannot be sent.
   */
  readonly refer?:
    | ((value: object) => SenderReference | GeneratorReference | number | undefined)
    | undefined;
}

/** Python refuses to turn more digits into a number or back (CVE-2020-10735). */
const MAX_DIGITS = 4300;
/** From this number on, JSON.stringify writes an exponent, which Python reads as a float. */
const EXPONENT_FROM = 1e21;
const BANG = 33;
/** Parts of a path that an error shows. */
const SHOWN_SEGMENTS = 12;
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

const encoder = new TextEncoder();
/** Bytes before a value that is nothing but bytes, without the digits of their number. */
const LEAST_HEAD = 5 + `{"!b":[0,]}`.length;

/**
 * The chunks hold the Uint8Arrays of the value themselves, not copies.
 *
 * @throws {ValueError} naming the path of the part that cannot be sent
 */
export function encodeValue(value: unknown, options: EncodeOptions = {}): Body {
  return encodePlain(value) ?? encodeLowered(value, options);
}

/** @returns undefined if the value is not plain JSON: `encodeLowered` encodes it */
export function encodePlain(value: unknown): Body | undefined {
  if (!isPlain(value, 0)) return undefined;
  const text = encoder.encode(JSON.stringify(value));
  return { chunks: [text], length: text.length, extended: false };
}

/** As `encodeValue`, of a value that is not plain JSON. */
export function encodeLowered(value: unknown, options: EncodeOptions): Body {
  const lowering = new Lowering(options.refer);
  let lowered: unknown;
  try {
    lowered = lowering.lower(value, 0);
  } catch (error) {
    throw error instanceof Refusal ? error.explain(options.root ?? "value") : error;
  }
  const text = encoder.encode(JSON.stringify(lowered));
  const { parts, partsLength, extended } = lowering;
  if (partsLength === 0) return { chunks: [text], length: text.length, extended };
  const head = headOf(text);
  return { chunks: [head, ...parts], length: head.length + partsLength, extended };
}

/**
 * For a slave, which must know before it sends whether its master takes the body.
 *
 * @throws {ValueError} also if the body is over the limit
 */
export function encodeBounded(value: unknown, root: string, refer?: EncodeOptions["refer"]): Body {
  const body = encodeValue(value, { root, refer });
  const most = LIMITS.maxMessageBytes;
  if (body.length > most) {
    throw new ValueError(root, `${body.length} bytes are over the limit of ${most}`);
  }
  return body;
}

/** @returns the body of a value that is nothing but bytes, which need not be in memory */
export function encodeBytes<C extends { readonly length: number }>(
  bytes: C,
): { readonly chunks: readonly [Uint8Array, C]; readonly length: number } {
  const head = headOf(encoder.encode(`{"!b":[0,${bytes.length}]}`));
  return { chunks: [head, bytes], length: head.length + bytes.length };
}

/**
 * The head of a body of so many bytes whose value is nothing but bytes.
 *
 * @returns undefined if no such value has a body of this size
 */
export function bytesHead(bodyBytes: number): Uint8Array | undefined {
  const most = String(bodyBytes - LEAST_HEAD).length;
  for (const digits of [most, most - 1]) {
    const bytes = bodyBytes - LEAST_HEAD - digits;
    if (bytes > 0 && String(bytes).length === digits)
      return encodeBytes({ length: bytes }).chunks[0];
  }
  return undefined;
}

/** @returns the bytes before the parts: a zero, the length of the text, the text */
function headOf(text: Uint8Array): Uint8Array {
  const head = new Uint8Array(5 + text.length);
  new DataView(head.buffer).setUint32(1, text.length);
  head.set(text, 5);
  return head;
}

/**
 * Whether `JSON.stringify` writes `value` as it is.
 *
 * @param depth the number of brackets around it
 */
function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === "string") return isWellFormed(value);
  if (typeof value === "number") return isPlainNumber(value);
  if (typeof value === "boolean" || value === null) return true;
  if (typeof value !== "object" || depth >= LIMITS.maxDepth) return false;
  if (Array.isArray(value)) {
    if (Object.getPrototypeOf(value) !== Array.prototype) return false;
    for (let i = 0; i < value.length; i++) if (!isPlain(value[i], depth + 1)) return false;
    return true;
  }
  // An accessor or a hidden member named toJSON would make stringify write something else.
  if (!isRecord(value) || "toJSON" in value) return false;
  const keys = Object.keys(value);
  if (keys.length === 1 && keys[0]?.charCodeAt(0) === BANG) return false;
  for (const key of keys) {
    if (!isWellFormed(key) || !isPlain(value[key], depth + 1)) return false;
  }
  return true;
}

/**
 * False for numbers that JSON does not have, and for integers that stringify writes with other
 * digits than they have: it writes 2**60 as 1152921504606847000. Python reads integers exactly, so
 * that this is another number.
 */
function isPlainNumber(value: number): boolean {
  if (Number.isSafeInteger(value)) return value !== 0 || 1 / value > 0;
  if (Number.isInteger(value)) return Math.abs(value) >= EXPONENT_FROM;
  return Number.isFinite(value);
}

function isRecord(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Thrown by the part that cannot be sent. Each container adds its segment of the path. */
class Refusal extends Error {
  readonly trail: { container: object; segment: string | number }[] = [];

  explain(root: string | readonly string[]): ValueError {
    const trail = this.trail.reverse();
    // In a cycle, a container is its own ancestor: the path ends where the container comes for the
    // second time.
    const ancestors = trail.map(({ container }) => container);
    const again = ancestors.findIndex((container, i) => ancestors.indexOf(container) < i);
    const segments = (again < 0 ? trail : trail.slice(0, again)).map(({ segment }) => segment);
    let path = typeof root === "string" ? root : "value";
    const first = segments[0];
    if (typeof root !== "string" && typeof first === "number" && root[first] !== undefined) {
      path = root[first];
      segments.shift();
    }
    path += shown(segments.map(spell));
    return new ValueError(path, again < 0 ? this.message : "it contains itself");
  }
}

/** @returns the path, without the middle of a long one: what follows the path must be seen */
function shown(segments: readonly string[]): string {
  if (segments.length <= SHOWN_SEGMENTS) return segments.join("");
  return [...segments.slice(0, SHOWN_SEGMENTS - 1), "...", ...segments.slice(-1)].join("");
}

function spell(segment: string | number): string {
  if (typeof segment === "number") return `[${segment}]`;
  return IDENTIFIER.test(segment) ? `.${segment}` : `[${JSON.stringify(segment)}]`;
}

/**
 * One encoding under way: copies the value into what JSON can write, and collects the raw parts.
 */
class Lowering {
  readonly parts: Uint8Array[] = [];
  partsLength = 0;
  extended = false;
  readonly #refer: EncodeOptions["refer"];

  constructor(refer: EncodeOptions["refer"]) {
    this.#refer = refer;
  }

  lower(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case "string":
        return wellFormed(value);
      case "number":
        return isPlainNumber(value) ? value : this.#special("!f", spellNumber(value), depth, 1);
      case "boolean":
        return value;
      case "bigint":
        return this.#special("!i", spellBigint(value), depth, 1);
      case "undefined":
        return this.#special("!u", 0, depth, 1);
      case "object":
        return value === null ? null : this.#lowerObject(value, depth);
      default:
        throw new Refusal(`a ${typeof value}`);
    }
  }

  #lowerObject(value: object, depth: number): unknown {
    if (Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype) {
      return this.#list(value, value, [], enter(depth, 1));
    }
    if (isRecord(value)) return this.#record(value, depth);
    if (value instanceof Uint8Array) {
      const offset = this.partsLength;
      if (value.length > 0) this.parts.push(value);
      this.partsLength += value.length;
      return this.#special("!b", [offset, value.length], depth, 2);
    }
    if (value instanceof Error) {
      // Made well-formed instead of refused: an error must always arrive.
      const type = value instanceof RemoteError ? value.type : value.name;
      const trace = value instanceof RemoteError ? value.traceback : (value.stack ?? "");
      const texts = [type, value.message, trace].map((text) => toWellFormed(String(text)));
      return this.#special("!e", texts, depth, 2);
    }
    switch (Object.getPrototypeOf(value)) {
      case Date.prototype: {
        const time = (value as Date).getTime();
        if (Number.isNaN(time)) throw new Refusal("an invalid Date");
        return this.#special("!d", time, depth, 1);
      }
      case Set.prototype:
        return this.#special(
          "!s",
          this.#list(value, value as Set<unknown>, [], enter(depth, 2)),
          depth,
          2,
        );
      case Map.prototype: {
        const inner = enter(depth, 3);
        const pairs = [...(value as Map<unknown, unknown>)];
        const lowered = this.#each(value, pairs, [], (pair) => this.#list(pair, pair, [], inner));
        return this.#special("!m", lowered, depth, 3);
      }
    }
    const named = isReference(value) ? value : this.#refer?.(value);
    if (typeof named === "number") return named;
    if (named !== undefined) {
      const tag = named instanceof SenderReference ? "!h" : "!g";
      return this.#special(tag, [named.id, named.handle], depth, 2);
    }
    throw new Refusal(`an instance of ${nameClass(value)}`);
  }

  #record(value: Record<string, unknown>, depth: number): unknown {
    const keys = Object.keys(value);
    const escaped = keys.length === 1 && keys[0]?.charCodeAt(0) === BANG;
    const inner = enter(depth, escaped ? 3 : 1);
    // Without a prototype, so that a member named __proto__ is a member.
    const lowered: Record<string, unknown> = Object.create(null);
    for (const key of keys) {
      try {
        lowered[wellFormed(key)] = this.lower(value[key], inner);
      } catch (error) {
        throw locate(error, value, key);
      }
    }
    return escaped ? this.#special("!o", Object.entries(lowered), depth, 3) : lowered;
  }

  #list(container: object, items: Iterable<unknown>, into: unknown[], inner: number): unknown[] {
    return this.#each(container, items, into, (item) => this.lower(item, inner));
  }

  #each<T>(
    container: object,
    items: Iterable<T>,
    into: unknown[],
    lower: (item: T) => unknown,
  ): unknown[] {
    try {
      // Iterated, because `map` leaves out holes of an array, which are sent as undefined.
      for (const item of items) into.push(lower(item));
    } catch (error) {
      throw locate(error, container, into.length);
    }
    return into;
  }

  #special(tag: string, content: unknown, depth: number, brackets: number): object {
    enter(depth, brackets);
    this.extended = true;
    return { [tag]: content };
  }
}

/** The depth inside of `brackets` more brackets. */
function enter(depth: number, brackets: number): number {
  const inner = depth + brackets;
  if (inner > LIMITS.maxDepth) throw new Refusal(`nested deeper than ${LIMITS.maxDepth}`);
  return inner;
}

function locate(error: unknown, container: object, segment: string | number): unknown {
  if (error instanceof Refusal) error.trail.push({ container, segment });
  return error;
}

function wellFormed(text: string): string {
  if (!isWellFormed(text)) throw new Refusal("text with a lone surrogate");
  return text;
}

function spellNumber(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (value === 0) return "-0";
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "inf" : "-inf";
}

function spellBigint(value: bigint): string {
  const text = value.toString();
  if (text.length - (value < 0n ? 1 : 0) > MAX_DIGITS) {
    throw new Refusal(`an integer of more than ${MAX_DIGITS} digits`);
  }
  return text;
}

function isReference(value: object): value is SenderReference | GeneratorReference {
  return value instanceof SenderReference || value instanceof GeneratorReference;
}

function nameClass(value: object): string {
  const maker: unknown = value.constructor;
  return typeof maker === "function" && maker.name !== "" ? maker.name : "a class";
}
