/**
 * Reads the definitions of a Python file from its text, without running it: functions at the top
 * level, static methods, their annotations and docstrings, data classes and aliases of types.
 */
import { type Token, tokenize } from "../modules/python/lexer.ts";
import { textOf } from "./python-types.ts";

export interface PythonParameter {
  readonly name: string;
  readonly role: "required" | "optional" | "keyword" | "rest" | "named";
  /** The text of the annotation. */
  readonly annotation?: string | undefined;
}

export interface PythonFunction {
  /** `restart`, `Service.restart` */
  readonly path: string;
  readonly parameters: readonly PythonParameter[];
  /** The text of the result's annotation. */
  readonly returns?: string | undefined;
  readonly doc?: string | undefined;
  /** Whether the function yields. */
  readonly generates: boolean;
}

interface PythonField {
  readonly name: string;
  readonly annotation: string;
  readonly hasDefault: boolean;
}

/** A class at the top level. */
export interface PythonClass {
  readonly name: string;
  /** The text in its brackets, such as `TypedDict` and `total=False`. */
  readonly bases: readonly string[];
  readonly decorators: readonly string[];
  readonly fields: readonly PythonField[];
  readonly doc?: string | undefined;
}

export interface PythonDefinitions {
  /** In source order. A name that is defined twice, perhaps in two branches, is listed once. */
  readonly functions: readonly PythonFunction[];
  readonly classes: ReadonlyMap<string, PythonClass>;
  /** The text that is assigned at the top level, by name. */
  readonly assigned: ReadonlyMap<string, string>;
}

export function pythonDefinitions(source: string): PythonDefinitions {
  return new DefinitionReader(source).run();
}

/** A statement with an annotation or an assignment: `NAME: ANNOTATION = VALUE`. */
interface Declaration {
  readonly name: string;
  readonly annotation: string | undefined;
  readonly value: string | undefined;
}

interface Body {
  readonly doc: string | undefined;
  readonly generates: boolean;
}

interface OpenClass {
  /** The prefix of names: `Outer.Inner.` */
  readonly prefix: string;
  readonly fields: PythonField[];
}

class DefinitionReader {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  readonly #functions = new Map<string, PythonFunction>();
  readonly #classes = new Map<string, PythonClass>();
  readonly #assigned = new Map<string, string>();
  #at = 0;

  constructor(source: string) {
    this.#source = source;
    this.#tokens = tokenize(source).filter(({ kind }) => kind !== "nl" && kind !== "comment");
  }

  run(): PythonDefinitions {
    this.#block({ prefix: "", fields: [] }, 0);
    return {
      functions: [...this.#functions.values()],
      classes: this.#classes,
      assigned: this.#assigned,
    };
  }

  /**
   * Reads statements of the module (prefix "") or of a class's body, up to the dedent that ends it.
   */
  #block(owner: OpenClass, depth: number): void {
    let decorators: string[] = [];
    while (this.#at < this.#tokens.length) {
      const kind = this.#tokens[this.#at]?.kind;
      if (kind === "dedent") {
        this.#at++;
        if (depth > 0) return;
        continue;
      }
      if (kind === "indent") {
        // The block of an `if` or a `try`: its definitions belong to this level.
        this.#at++;
        this.#block(owner, depth + 1);
        continue;
      }
      const word = this.#word();
      if (word === "@") decorators.push(this.#line());
      else if (word === "async") this.#at++;
      else {
        if (word === "def") this.#definition(owner, decorators);
        else if (word === "class") this.#class(owner, decorators);
        else this.#statement(owner);
        decorators = [];
      }
    }
  }

  #definition({ prefix }: OpenClass, decorators: readonly string[]): void {
    this.#at++;
    const name = this.#word();
    this.#at++;
    if (this.#word() === "[") this.#brackets();
    const isStatic = decorators.some((one) => /^@\s*staticmethod\b/.test(one));
    const isOfClass = decorators.some((one) => /^@\s*classmethod\b/.test(one));
    const parameters = readParameters(this.#brackets().map((part) => this.#declaration(part)));
    const returns = this.#word() === "->" ? this.#upTo(":") : undefined;
    const body = this.#body();
    if (prefix !== "" && !isStatic && !isOfClass) return;
    const path = prefix + name;
    const own = isOfClass ? parameters.slice(1) : parameters;
    this.#functions.set(path, { path, parameters: own, returns, ...body });
  }

  #class({ prefix }: OpenClass, decorators: readonly string[]): void {
    this.#at++;
    const name = this.#word();
    this.#at++;
    if (this.#word() === "[") this.#brackets();
    const bases = this.#word() === "(" ? this.#brackets().map((part) => this.#text(part)) : [];
    this.#line();
    const owner = { prefix: `${prefix}${name}.`, fields: [] };
    let doc: string | undefined;
    if (this.#tokens[this.#at]?.kind === "indent") {
      this.#at++;
      doc = this.#docstring();
      this.#block(owner, 1);
    }
    if (prefix === "")
      this.#classes.set(name, { name, bases, decorators, fields: owner.fields, doc });
  }

  /** Adds a field of a class, or an alias of the module. */
  #statement({ prefix, fields }: OpenClass): void {
    const begin = this.#at;
    this.#line();
    const [first] = this.#tokens.slice(begin, begin + 1);
    const isAlias = first !== undefined && this.#textOf(first) === "type";
    const named = isAlias && this.#tokens[begin + 1]?.kind === "name" ? begin + 1 : begin;
    const parts = { begin: named, end: this.#at - 1 };
    const { name, annotation, value } = this.#declaration(parts);
    if (!/^[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*$/.test(name)) return;
    if (prefix === "") {
      if (value !== undefined) this.#assigned.set(name, value);
    } else if (annotation !== undefined && !/^_/.test(name)) {
      fields.push({ name, annotation, hasDefault: value !== undefined });
    }
  }

  /** Reads from behind the colon of a `def` to the end of its block. */
  #body(): Body {
    this.#at++;
    if (this.#tokens[this.#at]?.kind !== "newline") {
      const begin = this.#at;
      this.#line();
      const words = this.#wordsOf({ begin, end: this.#at - 1 });
      return { doc: cleaned(words[0] ?? ""), generates: words.includes("yield") };
    }
    this.#at++;
    if (this.#tokens[this.#at]?.kind !== "indent") return { doc: undefined, generates: false };
    this.#at++;
    return { doc: this.#docstring(), generates: this.#yields() };
  }

  /** Whether the rest of a block yields. Functions that are defined in it do not count. */
  #yields(): boolean {
    let generates = false;
    for (let depth = 1; depth > 0 && this.#at < this.#tokens.length; this.#at++) {
      const token = this.#tokens[this.#at] as Token;
      if (token.kind === "indent") depth++;
      else if (token.kind === "dedent") depth--;
      else if (token.kind === "name" && this.#textOf(token) === "yield") generates = true;
      else if (token.kind === "name" && this.#textOf(token) === "def") {
        this.#upTo(":");
        this.#body();
        // The loop continues behind the inner function.
        this.#at--;
      }
    }
    return generates;
  }

  /** The string at the beginning of a block: a docstring. */
  #docstring(): string | undefined {
    const [token, next] = this.#tokens.slice(this.#at, this.#at + 2);
    if (token?.kind !== "string" || next?.kind !== "newline") return undefined;
    return cleaned(this.#textOf(token));
  }

  /**
   * Reads from an opening bracket to behind its closing one.
   *
   * @returns the parts between its commas
   */
  #brackets(): Span[] {
    const parts: Span[] = [];
    let begin = this.#at + 1;
    let depth = 0;
    for (; this.#at < this.#tokens.length; this.#at++) {
      const word = this.#word();
      const isEnd = ")]}".includes(word) && word !== "" && --depth === 0;
      if ("([{".includes(word) && word !== "") depth++;
      if (isEnd || (depth === 1 && word === ",")) {
        if (this.#at > begin) parts.push({ begin, end: this.#at });
        begin = this.#at + 1;
      }
      if (isEnd || this.#tokens[this.#at]?.kind === "newline") break;
    }
    this.#at++;
    return parts;
  }

  /** Reads up to a word or character outside of inner brackets, and stops there. */
  #upTo(word: string): string {
    const begin = this.#at + 1;
    let depth = 0;
    for (; this.#at < this.#tokens.length; this.#at++) {
      const own = this.#word();
      if (depth === 0 && (own === word || this.#tokens[this.#at]?.kind === "newline")) break;
      if (own !== "" && "([{".includes(own)) depth++;
      if (own !== "" && ")]}".includes(own)) depth--;
    }
    return this.#text({ begin, end: this.#at });
  }

  #declaration({ begin, end }: Span): Declaration {
    let [colon, equals] = [-1, -1];
    let depth = 0;
    for (let at = begin; at < end && equals < 0; at++) {
      const word = this.#textOf(this.#tokens[at] as Token);
      if (word !== "" && "([{".includes(word)) depth++;
      else if (word !== "" && ")]}".includes(word)) depth--;
      else if (depth === 0 && word === ":" && colon < 0) colon = at;
      else if (depth === 0 && word === "=") equals = at;
    }
    const typeEnd = equals < 0 ? end : equals;
    return {
      name: this.#text({ begin, end: colon < 0 ? typeEnd : colon }).replace(/\s+/g, ""),
      annotation: colon < 0 ? undefined : this.#text({ begin: colon + 1, end: typeEnd }),
      value: equals < 0 ? undefined : this.#text({ begin: equals + 1, end }),
    };
  }

  /** The rest of the logical line. */
  #line(): string {
    const begin = this.#at;
    while (this.#at < this.#tokens.length && this.#tokens[this.#at]?.kind !== "newline") this.#at++;
    const text = this.#text({ begin, end: this.#at });
    this.#at++;
    return text;
  }

  #text({ begin, end }: Span): string {
    const [first, last] = [this.#tokens[begin], this.#tokens[end - 1]];
    if (first === undefined || last === undefined || begin >= end) return "";
    return this.#source.slice(first.start, last.end);
  }

  #wordsOf({ begin, end }: Span): string[] {
    return this.#tokens.slice(begin, end).map((token) => this.#textOf(token));
  }

  #textOf({ start, end }: Token): string {
    return this.#source.slice(start, end).trim();
  }

  #word(): string {
    const token = this.#tokens[this.#at];
    return token === undefined ? "" : this.#textOf(token);
  }
}

/** The tokens from one up to another, without the latter. */
interface Span {
  readonly begin: number;
  readonly end: number;
}

function readParameters(parts: readonly Declaration[]): PythonParameter[] {
  const found: PythonParameter[] = [];
  let isKeyword = false;
  for (const { name, annotation, value } of parts) {
    if (name === "/") continue;
    if (name.startsWith("**")) found.push({ name: name.slice(2), role: "named", annotation });
    else if (name.startsWith("*")) {
      isKeyword = true;
      if (name !== "*") found.push({ name: name.slice(1), role: "rest", annotation });
    } else {
      const role = isKeyword ? "keyword" : value !== undefined ? "optional" : "required";
      found.push({ name, role, annotation });
    }
  }
  return found;
}

/** A docstring without its quotes and without common indentation. */
function cleaned(literal: string): string | undefined {
  const [first = "", ...rest] = (textOf(literal) ?? "").replaceAll("\t", "        ").split("\n");
  const widths = rest.filter((line) => line.trim() !== "").map((line) => line.search(/\S/));
  const indent = Math.min(...widths, Number.MAX_SAFE_INTEGER);
  const lines = [first.trim(), ...rest.map((line) => line.slice(indent).trimEnd())];
  return lines.join("\n").trim() || undefined;
}
