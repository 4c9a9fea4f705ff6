/**
 * The imports of a Python module, read from its text. The responder sends these modules unasked.
 *
 * The list is a guess that may err in both directions: an import in a branch that never runs is
 * listed as conditional, and an import with a computed name is missing. Imports for type checkers
 * only are left out. Parents of a dotted name are implied. Knows nothing about which modules exist,
 * and reads broken source as far as possible.
 */
import { type Token, tokenize } from "./lexer.ts";

export interface FoundImport {
  /**
   * An absolute dotted name. `from a import b` gives both `a` and `a.b`, of which one may not
   * exist.
   */
  readonly name: string;
  /** The sibling that Python 2 tries first. Absent if the file or its place rules that out. */
  readonly implicitRelative?: string;
  /** Whether the import may never run: it is in a function or in a branch. */
  readonly isLazy?: true;
}

/**
 * Whether the statements of a block run when the module is imported. Blocks inside it inherit this.
 */
const SURELY = 0;
const PERHAPS = 1;
const NEVER = 2;

interface Block {
  readonly runs: number;
  /** The effect of an `else` at this level. */
  orElse: number;
}

interface ImportingModule {
  /** The absolute dotted name of the module with this source. */
  readonly module: string;
  /** True for an `__init__.py`, whose relative imports start at the package itself. */
  readonly isPackage: boolean;
}

const DOTTED = /^['"](\.*)((?:[^\W\d]\w*)(?:\.[^\W\d]\w*)*)['"]$/u;

/** The imports in source order, each once, without the module itself and `__future__`. */
export function findImports(source: string, importer: ImportingModule): FoundImport[] {
  return new ImportFinder(source, importer).run();
}

class ImportFinder {
  readonly #source: string;
  readonly #importer: ImportingModule;
  readonly #tokens: readonly Token[];
  readonly #found = new Map<string, FoundImport>();
  readonly #package: string;
  #implicit: boolean;
  #at = 0;
  readonly #blocks: Block[] = [{ runs: SURELY, orElse: PERHAPS }];
  /** The block of the current statement: what follows its colon, on the line or below. */
  #suite = SURELY;

  constructor(source: string, importer: ImportingModule) {
    const { module, isPackage } = importer;
    this.#source = source;
    this.#importer = importer;
    // Behind the last `import` there is none, and reading all of a long file takes its time.
    const tokens = tokenize(source, source.lastIndexOf("import"));
    this.#tokens = tokens.filter(({ kind }) => kind !== "nl" && kind !== "comment");
    this.#package = isPackage ? module : module.slice(0, Math.max(0, module.lastIndexOf(".")));
    this.#implicit = this.#package !== "";
  }

  run(): FoundImport[] {
    let starts = true;
    while (this.#at < this.#tokens.length) {
      this.#enterOrLeave();
      const word = this.#next();
      if (starts) this.#header(word);
      if (starts && word === "import") this.#importStatement();
      else if (starts && word === "from") this.#fromStatement();
      else if (word === "__import__") this.#importCall(true);
      else if (word === "import_module") this.#importCall(false);
      starts = this.#startsStatement();
    }
    return [...this.#found.values()].map(({ name, implicitRelative, isLazy }) => ({
      name,
      ...(this.#implicit && implicitRelative !== undefined && { implicitRelative }),
      ...(isLazy && { isLazy }),
    }));
  }

  /** Follows the blocks: the next token may open a block, or close some. */
  #enterOrLeave(): void {
    const kind = this.#tokens[this.#at]?.kind;
    if (kind === "indent") {
      this.#blocks.push({ runs: this.#suite, orElse: PERHAPS });
      return;
    }
    const isDedent = kind === "dedent" && this.#blocks.length > 1;
    if (isDedent) this.#blocks.pop();
    if (isDedent || this.#tokens[this.#at - 1]?.kind === "newline") this.#suite = this.#block.runs;
  }

  get #block(): Block {
    return this.#blocks.at(-1) as Block;
  }

  /** The block that the first word of a statement opens. */
  #header(word: string): void {
    const block = this.#block;
    const inside = (runs: number): void => {
      this.#suite = Math.max(block.runs, this.#suite, runs);
    };
    if (word === "if") {
      const runs = this.#condition();
      inside(runs);
      block.orElse = runs === PERHAPS ? runs : NEVER - runs;
    } else if (word === "try") block.orElse = SURELY;
    else if (word === "else") inside(block.orElse);
    else if (/^(?:elif|except|for|while|async|def|match|case)$/.test(word)) {
      inside(PERHAPS);
      if (word === "for" || word === "while") block.orElse = PERHAPS;
    }
  }

  /**
   * The block of an `if` whose condition comes next. TYPE_CHECKING is false when a program runs.
   */
  #condition(): number {
    let text = "";
    for (let at = this.#at; at < this.#tokens.length; at++) {
      const { start, end, kind } = this.#tokens[at] as Token;
      const word = this.#source.slice(start, end);
      if (kind === "newline" || word === ":") break;
      text += ` ${word}`;
    }
    const isFalse = /^(?: \w+ \.)* (?:TYPE_CHECKING|MYPY|False|0)(?: and .*)?$/.test(text);
    if (isFalse && !/ (?:not|or) /.test(text)) return NEVER;
    return /^ not (?:\w+ \. )*TYPE_CHECKING$/.test(text) ? SURELY : PERHAPS;
  }

  /** Whether a statement may start at the next token. */
  #startsStatement(): boolean {
    const last = this.#tokens[this.#at - 1];
    if (last === undefined || last.kind !== "op") return /line|dent/.test(last?.kind ?? "");
    return ":;".includes(this.#source.slice(last.start, last.end));
  }

  /** The text of the next token; "" at the end of a logical line. */
  #peek(): string {
    const token = this.#tokens[this.#at];
    return token === undefined ? "" : this.#source.slice(token.start, token.end).trim();
  }

  #next(): string {
    const text = this.#peek();
    this.#at++;
    return text;
  }

  #accept(text: string): boolean {
    const accepted = this.#peek() === text;
    if (accepted) this.#at++;
    return accepted;
  }

  #name(): string {
    return this.#tokens[this.#at]?.kind === "name" ? this.#next() : "";
  }

  #dotted(): string {
    let name = this.#name();
    while (name !== "" && this.#accept(".")) name += `.${this.#name()}`;
    return name.replace(/\.$/, "");
  }

  #importStatement(): void {
    do {
      this.#add(0, this.#dotted(), true);
      if (this.#accept("as")) this.#name();
    } while (this.#accept(","));
  }

  #fromStatement(): void {
    let dots = 0;
    while (/^\.+$/.test(this.#peek())) dots += this.#next().length;
    const base = this.#peek() === "import" ? "" : this.#dotted();
    if (!this.#accept("import")) return;
    this.#add(dots, base, true);
    this.#accept("(");
    for (let name = this.#name(); name !== ""; name = this.#name()) {
      if (base === "__future__" && name === "absolute_import") this.#implicit = false;
      this.#add(dots, base === "" ? name : `${base}.${name}`, true);
      if (this.#accept("as")) this.#name();
      if (!this.#accept(",")) break;
    }
  }

  /**
   * In Python 2, `__import__` tries the sibling like the statement does; `import_module` does not.
   */
  #importCall(implicit: boolean): void {
    if (!this.#accept("(") || this.#tokens[this.#at]?.kind !== "string") return;
    const [, dots = "", name = ""] = DOTTED.exec(this.#next()) ?? [];
    if (/^[,)]$/.test(this.#peek())) this.#add(dots.length, name, implicit);
  }

  #add(dots: number, name: string, implicit: boolean): void {
    if (name.startsWith("__future__") || (dots === 0 && name === "")) return;
    const base = dots === 0 ? [] : this.#ancestor(dots);
    if (base === undefined) return;
    const absolute = [...base, name].filter((part) => part !== "").join(".");
    if (absolute === this.#importer.module) return;
    const sibling = dots === 0 && implicit ? `${this.#package}.${name}` : undefined;
    const before = this.#found.get(absolute);
    const implicitRelative = sibling ?? before?.implicitRelative;
    const runs = Math.max(this.#block.runs, this.#suite);
    if (runs === NEVER) return;
    const isLazy = runs === PERHAPS && (before === undefined || before.isLazy === true);
    this.#found.set(absolute, {
      name: absolute,
      ...(implicitRelative !== undefined && { implicitRelative }),
      ...(isLazy && { isLazy }),
    });
  }

  /** The package that a number of dots leads to; undefined above the topmost. */
  #ancestor(dots: number): string[] | undefined {
    const parts = this.#package === "" ? [] : this.#package.split(".");
    return dots > parts.length ? undefined : parts.slice(0, parts.length - dots + 1);
  }
}
