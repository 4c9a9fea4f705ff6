/**
 * Python source → the same program in fewer bytes, for the code that we send.
 *
 * Drops comments, docstrings, needless white space and trailing lines. Every token stays on its
 * line, so tracebacks from a far side name lines of our own files, and no name changes. Holds for
 * any Python that the lexer reads; test/stage1/minify.test.ts compares syntax trees.
 */
import { operatorLength, type Token, tokenize } from "../src/modules/python/lexer.ts";

export function minifyPython(source: string): string {
  return new Minifier(source).run();
}

class Minifier {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  readonly #docstrings: ReadonlyMap<Token, string>;
  #out = "";
  /** Open blocks and open brackets. */
  #level = 0;
  #depth = 0;
  /** What was written last on this line, and whether a logical line is to start. */
  #previous: Token | undefined;
  #fresh = true;

  constructor(source: string) {
    this.#source = source;
    this.#tokens = tokenize(source);
    this.#docstrings = findDocstrings(source, this.#tokens);
  }

  run(): string {
    let end = 0;
    for (const token of this.#tokens) {
      this.#gap(this.#source.slice(end, token.start), this.#docstrings.has(token));
      this.#token(token);
      end = token.end;
    }
    return this.#out.replace(/\n+$/, "");
  }

  #token(token: Token): void {
    const replacement = this.#docstrings.get(token);
    if (token.kind === "indent") this.#level++;
    else if (token.kind === "dedent") this.#level--;
    else if (token.kind === "newline" || token.kind === "nl") this.#lineEnd(token);
    else if (token.kind !== "comment") {
      if (replacement !== "") this.#write(token, replacement ?? this.#text(token));
      if (replacement !== undefined) this.#out += "\n".repeat(lineEnds(this.#text(token)));
    }
  }

  #text(token: Token): string {
    return this.#source.slice(token.start, token.end);
  }

  /** Between tokens only a backslash that continues the line matters; brackets do without it. */
  #gap(gap: string, dropped: boolean): void {
    const breaks = lineEnds(gap);
    if (breaks === 0) return;
    const bare = dropped || this.#depth > 0;
    if (!bare) this.#startLine();
    this.#out += (bare ? "\n" : "\\\n").repeat(breaks);
    this.#previous = undefined;
  }

  #lineEnd(token: Token): void {
    this.#out += "\n";
    this.#previous = undefined;
    this.#fresh ||= token.kind === "newline";
  }

  #startLine(): void {
    if (this.#fresh) this.#out += " ".repeat(this.#level);
    this.#fresh = false;
  }

  #write(token: Token, text: string): void {
    this.#startLine();
    if (this.#previous !== undefined && this.#mustPart(this.#previous, token)) this.#out += " ";
    this.#out += text;
    this.#previous = token;
    if (token.kind !== "op") return;
    if ("([{".includes(text)) this.#depth++;
    if (")]}".includes(text)) this.#depth--;
  }

  /** Whether two tokens that stand side by side would read as something else. */
  #mustPart(left: Token, right: Token): boolean {
    const [before, after] = [this.#text(left), this.#text(right)];
    // `1if` is read by most versions, but newer ones warn. A string's prefix is a word too.
    if (isWord(left) && (isWord(right) || /^[a-z]/i.test(after))) return true;
    if (left.kind === "number") return after.startsWith(".");
    if (right.kind === "number") return before.endsWith(".") && after.startsWith(".");
    if (left.kind === "string") return right.kind === "string" && before.at(-1) === after[0];
    if (left.kind === "name") return right.kind === "string" && /^[bfrtu]{1,2}$/i.test(before);
    if (left.kind !== "op" || right.kind !== "op") return false;
    return operatorLength(before + after) !== before.length;
  }
}

function isWord(token: Token): boolean {
  return token.kind === "name" || token.kind === "number";
}

function lineEnds(text: string): number {
  return text.match(/\r\n|\n|\r/g)?.length ?? 0;
}

/**
 * The tokens of all docstrings, with what replaces each: nothing, or `pass` in the place of the
 * first one where a body would be empty. A docstring with a statement behind it on the same line
 * is left alone.
 */
function findDocstrings(source: string, all: readonly Token[]): Map<Token, string> {
  const tokens = all.filter(({ kind }) => kind !== "comment" && kind !== "nl");
  const replaced = new Map<Token, string>();
  const text = (at: number) => source.slice(tokens[at]?.start, tokens[at]?.end);

  const take = (from: number, body: "module" | "line" | "block") => {
    let end = from;
    while (tokens[end]?.kind === "string" || /^[()]$/.test(text(end))) end++;
    const statement = tokens.slice(from, end);
    if (tokens[end]?.kind !== "newline" || !isDocstring(source, statement)) return;
    const last = body === "line" || tokens[end + 1]?.kind === "dedent";
    statement.forEach((token, index) => {
      replaced.set(token, last && body !== "module" && index === 0 ? "pass" : "");
    });
  };

  take(0, "module");
  let starts = true;
  for (let at = 0; at < tokens.length; at++) {
    const kind = tokens[at]?.kind ?? "newline";
    if (starts && kind === "name") {
      const keyword = text(at) === "async" ? text(at + 1) : text(at);
      starts = false;
      if (keyword !== "def" && keyword !== "class") continue;
      at = headerEnd(tokens, text, at);
      if (tokens[at]?.kind !== "newline") take(at, "line");
      else if (tokens[at + 1]?.kind === "indent") take(at + 2, "block");
      at--;
    } else {
      starts =
        kind === "newline" || kind === "indent" || kind === "dedent" || /^[:;]$/.test(text(at));
    }
  }
  return replaced;
}

/** Behind the colon that ends the header of a `def` or `class`, or at the end of its line. */
function headerEnd(tokens: readonly Token[], text: (at: number) => string, from: number): number {
  let depth = 0;
  for (let at = from; at < tokens.length; at++) {
    const word = text(at);
    if (tokens[at]?.kind === "newline") return at;
    if (/^[([{]$/.test(word)) depth++;
    else if (/^[)\]}]$/.test(word)) depth--;
    else if (word === ":" && depth === 0) return at + 1;
  }
  return tokens.length;
}

function isDocstring(source: string, statement: readonly Token[]): boolean {
  const strings = statement.filter(({ kind }) => kind === "string");
  return (
    strings.length > 0 &&
    strings.every(({ start }) => /^[uUrR]{0,2}['"]/.test(source.slice(start, start + 3)))
  );
}
