/**
 * Turns a Python annotation into a TypeScript type, by how values are sent (docs/protocol.md,
 * "Values"). An `int` arrives as a number, a tuple as an array, a dict with text keys as an object.
 * An unknown type is `unknown`. Reads text and runs nothing.
 */
import { tokenize } from "../modules/python/lexer.ts";

/** The direction of a value: an argument of a call, or its result. */
type Direction = "in" | "out";

/** The names of the file that are types. */
export interface TypeScope {
  /** The TypeScript name of a class; undefined if it has none. */
  classType(name: string): string | undefined;
  /** The text that an alias stands for. */
  alias(name: string): string | undefined;
}

const UNKNOWN = "unknown";
/** Limits of nesting and length. A type beyond them becomes `unknown`. */
const MAX_DEPTH = 30;
const MAX_LENGTH = 2_000;

const PLAIN: Readonly<Record<string, string>> = {
  float: "number",
  str: "string",
  Text: "string",
  AnyStr: "string",
  LiteralString: "string",
  bool: "boolean",
  bytes: "Uint8Array",
  bytearray: "Uint8Array",
  memoryview: "Uint8Array",
  ByteString: "Uint8Array",
  Buffer: "Uint8Array",
  None: "null",
  datetime: "Date",
  NoReturn: "never",
  Never: "never",
  Sender: 'import("econtext").Sender<any>',
};
const LISTS = new Set(
  "list List Sequence MutableSequence Collection Iterable Reversible".split(" "),
);
const SETS = new Set("set Set frozenset FrozenSet AbstractSet MutableSet".split(" "));
const DICTS = new Set(
  "dict Dict Mapping MutableMapping defaultdict DefaultDict OrderedDict Counter".split(" "),
);
const WRAPPERS = new Set(
  "Annotated Final ClassVar Required NotRequired ReadOnly Awaitable".split(" "),
);
const GENERATORS = new Set(
  "Generator AsyncGenerator Iterator AsyncIterator Iterable AsyncIterable".split(" "),
);

export function typeOf(annotation: string, scope: TypeScope, direction: Direction): string {
  return new TypeReader(annotation, { scope, direction, aliases: new Map() }).whole();
}

/**
 * The type that a generator function yields, by its result's annotation; undefined if it is no
 * generator.
 */
export function yieldedType(annotation: string, scope: TypeScope): string | undefined {
  const reader = new TypeReader(annotation, { scope, direction: "out", aliases: new Map() });
  const name = reader.name();
  if (!GENERATORS.has(name)) return undefined;
  return reader.parameters()[0] ?? UNKNOWN;
}

/** Whether a field's type is in a wrapper such as `Final`. */
export function isWrapped(annotation: string, wrapper: string): boolean {
  return new RegExp(`^\\s*(?:[\\w.]+\\.)?${wrapper}\\s*\\[`).test(annotation);
}

/** State shared by the readers of one annotation. */
interface Reading {
  readonly scope: TypeScope;
  readonly direction: Direction;
  /**
   * Types of aliases that were read. An alias that is still being read refers to itself: it is
   * unknown.
   */
  readonly aliases: Map<string, string>;
}

class TypeReader {
  readonly #words: readonly string[];
  readonly #reading: Reading;
  readonly #scope: TypeScope;
  readonly #direction: Direction;
  #depth: number;
  #at = 0;

  constructor(text: string, reading: Reading, depth = 0) {
    const tokens = tokenize(text).filter(({ kind }) => /^(?:name|number|string|op)$/.test(kind));
    this.#words = tokens.map(({ start, end }) => text.slice(start, end));
    this.#reading = reading;
    this.#scope = reading.scope;
    this.#direction = reading.direction;
    this.#depth = depth;
  }

  /** Reads all of the text. If text is left over, the annotation was not understood. */
  whole(): string {
    const type = this.#union();
    return this.#at < this.#words.length || type.length > MAX_LENGTH ? UNKNOWN : type;
  }

  #union(): string {
    if (this.#depth >= MAX_DEPTH) {
      this.#skipTo(",", "]");
      return UNKNOWN;
    }
    this.#depth++;
    const members = [this.#primary()];
    while (this.#take("|")) members.push(this.#primary());
    this.#depth--;
    return unionOf(members);
  }

  #primary(): string {
    const word = this.#words[this.#at] ?? "";
    if (/^[\w\u0080-\uffff]*["']/.test(word)) {
      this.#at++;
      return this.#nested(textOf(word) ?? "");
    }
    if (word === "(" || word === "[") {
      // The parameters of a Callable, or a default value: neither is a type.
      this.#skipBrackets();
      return UNKNOWN;
    }
    if (word === "..." || !/^[A-Za-z_\u0080-\uffff]/.test(word)) {
      this.#at++;
      return UNKNOWN;
    }
    const name = this.name();
    if (name === "Literal") return this.#literals();
    if (["Callable", "Type", "type"].includes(name)) {
      if (this.#words[this.#at] === "[") this.#skipBrackets();
      return UNKNOWN;
    }
    return this.#named(name);
  }

  /** A name without its module: `typing.List` is `List`. */
  name(): string {
    let name = this.#words[this.#at++] ?? "";
    while (this.#take(".")) name = this.#words[this.#at++] ?? "";
    return name;
  }

  /** The arguments in the brackets behind a name. */
  parameters(): string[] {
    const found: string[] = [];
    if (!this.#take("[")) return found;
    while (this.#at < this.#words.length && this.#words[this.#at] !== "]") {
      found.push(this.#take("...") ? "..." : this.#union());
      // Other arguments are not types, such as `Field(gt=1)` of an Annotated.
      this.#skipTo(",", "]");
      this.#take(",");
    }
    this.#take("]");
    return found;
  }

  #named(name: string): string {
    const own = this.#scope.classType(name);
    const alias = own === undefined ? this.#scope.alias(name) : undefined;
    const parameters = this.parameters();
    if (own !== undefined) return own;
    if (alias !== undefined) return this.#aliased(name, alias);
    const isIn = this.#direction === "in";
    const [first = UNKNOWN, second = UNKNOWN] = parameters;
    if (name === "int") return isIn ? "number | bigint" : "number";
    if (Object.hasOwn(PLAIN, name)) return PLAIN[name] ?? UNKNOWN;
    if (name === "Optional") return unionOf([first, "null"]);
    if (name === "Union") return unionOf(parameters);
    if (name === "Coroutine") return parameters[2] ?? UNKNOWN;
    if (WRAPPERS.has(name)) return first;
    if (LISTS.has(name)) return `${isIn ? "readonly " : ""}${bracketed(first)}[]`;
    if (SETS.has(name)) return `${isIn ? "Readonly" : ""}Set<${first}>`;
    if (DICTS.has(name)) return this.#dict(first, name === "Counter" ? "number" : second);
    if (name === "tuple" || name === "Tuple") return this.#tuple(parameters);
    return UNKNOWN;
  }

  #dict(key: string, value: string): string {
    const isText = key === UNKNOWN || /^(?:string|"[^|]*"(?: \| "[^|]*")*)$/.test(key);
    const [open, close] = this.#direction === "in" ? ["Readonly<", ">"] : ["", ""];
    if (isText) return `${open}Record<string, ${value}>${close}`;
    return `${this.#direction === "in" ? "ReadonlyMap" : "Map"}<${key}, ${value}>`;
  }

  #tuple(parameters: readonly string[]): string {
    const readonly = this.#direction === "in" ? "readonly " : "";
    const [first = UNKNOWN, second] = parameters;
    if (parameters.length === 0) return `${readonly}${UNKNOWN}[]`;
    if (second === "...") return `${readonly}${bracketed(first)}[]`;
    return `${readonly}[${parameters.join(", ")}]`;
  }

  #literals(): string {
    const found: string[] = [];
    if (!this.#take("[")) return UNKNOWN;
    while (this.#at < this.#words.length && this.#words[this.#at] !== "]") {
      const sign = this.#take("-") ? "-" : "";
      const word = this.#words[this.#at++] ?? "";
      const text = textOf(word);
      if (text !== undefined) found.push(JSON.stringify(text));
      else if (/^\d+$/.test(word)) found.push(sign + word);
      else found.push({ True: "true", False: "false", None: "null" }[word] ?? UNKNOWN);
      this.#skipTo(",", "]");
      this.#take(",");
    }
    this.#take("]");
    return unionOf(found);
  }

  #aliased(name: string, text: string): string {
    const { aliases } = this.#reading;
    const known = aliases.get(name);
    if (known !== undefined) return known;
    aliases.set(name, UNKNOWN);
    const type = this.#nested(text);
    aliases.set(name, type);
    return type;
  }

  #nested(text: string): string {
    return new TypeReader(text, this.#reading, this.#depth).whole();
  }

  /** Reads up to a word or character outside of inner brackets. */
  #skipTo(...words: readonly string[]): void {
    for (let depth = 0; this.#at < this.#words.length; this.#at++) {
      const word = this.#words[this.#at] ?? "";
      if (depth === 0 && words.includes(word)) return;
      if ("([{".includes(word)) depth++;
      if (")]}".includes(word)) depth--;
    }
  }

  #skipBrackets(): void {
    let depth = 0;
    do {
      const word = this.#words[this.#at++] ?? "";
      if ("([{".includes(word)) depth++;
      if (")]}".includes(word)) depth--;
    } while (depth > 0 && this.#at < this.#words.length);
  }

  #take(word: string): boolean {
    if (this.#words[this.#at] !== word) return false;
    this.#at++;
    return true;
  }
}

/** A union of types, each once. `unknown` includes all others. */
function unionOf(members: readonly string[]): string {
  const all = [...new Set(members)];
  if (all.length === 0 || all.includes(UNKNOWN)) return UNKNOWN;
  return all.join(" | ");
}

/** A type that can stand in front of `[]`. */
function bracketed(type: string): string {
  return /^[\w.]+$|^"[^"]*"$/.test(type) ? type : `(${type})`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "\n": "",
};

/**
 * The content of a string literal; undefined for bytes, for a formatted string, and for other text.
 */
export function textOf(literal: string): string | undefined {
  const [, prefix = "", quote = "", text] =
    /^([A-Za-z]*)("""|'''|"|')([\s\S]*)\2$/.exec(literal) ?? [];
  if (text === undefined || quote === "" || /[bft]/i.test(prefix)) return undefined;
  if (/r/i.test(prefix)) return text;
  return text.replace(/\\([\s\S])/g, (all, char: string) =>
    /["'\\]/.test(char) ? char : (ESCAPES[char] ?? all),
  );
}
