/**
 * Splits Python source into tokens, for 2.7 to 3.14 at once. The few differences between versions
 * (`<>`, backticks, `10L`, `:=`) are not ambiguous.
 *
 * Tokens are spans of the source. Between two tokens there is white space, or a backslash that
 * continues the line. Knows no grammar. Reads any text without an error and in linear time, because
 * the files are the user's. string-prefix.ts handles broken literals.
 */
import { stringEnd } from "./string-prefix.ts";

type TokenKind =
  | "name"
  | "number"
  | "string"
  | "op"
  | "comment"
  /** The end of a logical line; empty at the end of a file without a line end. */
  | "newline"
  /** Any other line end: after a blank line or a comment, or inside brackets. */
  | "nl"
  /** The white space in front of a line that opens a block. */
  | "indent"
  /** Empty; one for each block that the next line, or the end of the file, closes. */
  | "dedent"
  /** One character that no Python knows. */
  | "unknown";

export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
}

const LINE_END = /\r\n|\n|\r/y;
const COMMENT = /#[^\r\n]*/y;
const NAME = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*/y;
const NUMBER =
  /0[xX](?:_?[0-9a-fA-F])+[lL]?|0[oO](?:_?[0-7])+[lL]?|0[bB](?:_?[01])+[lL]?|(?:\d(?:_?\d)*\.?(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?[jJlL]?/y;
const OPERATOR =
  /\*\*=|\/\/=|>>=|<<=|\.\.\.|[-+*/%&|^@=!<>:]=|->|<>|\*\*|\/\/|>>|<<|[-+*/%@&|^~<>()[\]{},:.;=`]/y;
/** A byte order mark counts as white space, because Python drops it first. */
const GAP = /(?:[ \t\f\ufeff]+|\\(?:\r\n|\n|\r))*/y;
const STARTS_STRING = /['"bBfFrRtTuU]/;
/** Tried in this order: `.5` is a number, and not an operator and a number. */
const PATTERNS: readonly (readonly [TokenKind, RegExp])[] = [
  ["name", NAME],
  ["number", NUMBER],
  ["comment", COMMENT],
  ["op", OPERATOR],
];
const TAB_SIZE = 8;

/** @param until the logical line with this place is the last one that is read */
export function tokenize(source: string, until = source.length): Token[] {
  return new Lexer(source).run(until);
}

/**
 * The length of the operator at `at`; 0 if there is no operator. Decides whether two may stand
 * together.
 */
export function operatorLength(source: string, at = 0): number {
  return match(OPERATOR, source, at);
}

function match(pattern: RegExp, source: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(source) ? pattern.lastIndex - at : 0;
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  /** The widths of the open blocks, outermost first. */
  readonly #widths: number[] = [0];
  #at = 0;
  /** The number of open brackets. */
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
  }

  run(until: number): Token[] {
    while (this.#at < this.#source.length && this.#at <= until) {
      if (!this.#blankLine()) {
        this.#indentation();
        this.#logicalLine();
      }
    }
    while (this.#widths.length > 1) this.#dedent();
    return this.#tokens;
  }

  #push(kind: TokenKind, length: number): void {
    this.#tokens.push({ kind, start: this.#at, end: this.#at + length });
    this.#at += length;
  }

  #dedent(): void {
    this.#widths.pop();
    this.#push("dedent", 0);
  }

  #skipBlanks(): number {
    let width = 0;
    for (; this.#at < this.#source.length; this.#at++) {
      const char = this.#source[this.#at];
      if (char === " ") width++;
      else if (char === "\t") width += TAB_SIZE - (width % TAB_SIZE);
      else if (char === "\f") width = 0;
      else if (char !== "\ufeff") break;
    }
    return width;
  }

  /** Takes a line without a statement, which must not change the indentation. */
  #blankLine(): boolean {
    const start = this.#at;
    this.#skipBlanks();
    const comment = match(COMMENT, this.#source, this.#at);
    if (comment > 0) this.#push("comment", comment);
    const end = match(LINE_END, this.#source, this.#at);
    if (end > 0) this.#push("nl", end);
    else if (comment === 0 && this.#at < this.#source.length) this.#at = start;
    return this.#at > start || this.#at === this.#source.length;
  }

  #indentation(): void {
    const start = this.#at;
    const width = this.#skipBlanks();
    if (width > (this.#widths.at(-1) ?? 0)) {
      this.#widths.push(width);
      this.#tokens.push({ kind: "indent", start, end: this.#at });
    }
    while (width < (this.#widths.at(-1) ?? 0)) this.#dedent();
  }

  #logicalLine(): void {
    for (;;) {
      this.#at += match(GAP, this.#source, this.#at);
      const end = match(LINE_END, this.#source, this.#at);
      if (this.#at >= this.#source.length || (end > 0 && this.#depth === 0)) {
        this.#push("newline", end);
        return;
      }
      if (end > 0) this.#push("nl", end);
      else this.#token();
    }
  }

  #token(): void {
    const char = this.#source[this.#at] ?? "";
    if ("([{".includes(char)) this.#depth++;
    else if (")]}".includes(char)) this.#depth = Math.max(0, this.#depth - 1);
    const string = STARTS_STRING.test(char) ? stringEnd(this.#source, this.#at) : -1;
    if (string >= 0) {
      this.#push("string", string - this.#at);
      return;
    }
    for (const [kind, pattern] of PATTERNS) {
      const length = match(pattern, this.#source, this.#at);
      if (length > 0) {
        this.#push(kind, length);
        return;
      }
    }
    this.#push("unknown", 1);
  }
}
