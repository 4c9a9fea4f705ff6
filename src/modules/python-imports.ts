/**
 * What a Python module imports, read from its text: the responder sends these along unasked.
 *
 * A guess that may err in both directions: an import in a branch never taken is listed, one whose
 * name is computed is not. Knows nothing of which modules exist; parents of a dotted name are
 * implied. Reads broken source as far as it goes.
 */
import { type Token, tokenize } from "./python-lexer.ts";

export interface FoundImport {
  /** Absolute dotted name. For `from a import b` both `a` and `a.b`: only who finds them knows. */
  readonly name: string;
  /** What Python 2 tries first: the sibling. Absent where the file or its place rules that out. */
  readonly implicitRelative?: string;
}

export interface ImportingModule {
  /** Absolute dotted name of the module that the source is of. */
  readonly module: string;
  /** True for an `__init__.py`, whose relative imports start at itself. */
  readonly isPackage: boolean;
}

const DOTTED = /^['"](\.*)((?:[^\W\d]\w*)(?:\.[^\W\d]\w*)*)['"]$/u;

/** In source order, each once; the module itself and `__future__` are left out. */
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

  constructor(source: string, importer: ImportingModule) {
    const { module, isPackage } = importer;
    this.#source = source;
    this.#importer = importer;
    this.#tokens = tokenize(source).filter(({ kind }) => kind !== "nl" && kind !== "comment");
    this.#package = isPackage ? module : module.slice(0, Math.max(0, module.lastIndexOf(".")));
    this.#implicit = this.#package !== "";
  }

  run(): FoundImport[] {
    let starts = true;
    while (this.#at < this.#tokens.length) {
      const word = this.#next();
      if (starts && word === "import") this.#importStatement();
      else if (starts && word === "from") this.#fromStatement();
      else if (word === "__import__") this.#importCall(true);
      else if (word === "import_module") this.#importCall(false);
      starts = this.#startsStatement();
    }
    return [...this.#found.values()].map((found) =>
      this.#implicit ? found : { name: found.name },
    );
  }

  /** Whether a statement may start at the next token. */
  #startsStatement(): boolean {
    const last = this.#tokens[this.#at - 1];
    if (last === undefined || last.kind !== "op") return /line|dent/.test(last?.kind ?? "");
    return ":;".includes(this.#source.slice(last.start, last.end));
  }

  /** Text of the next token; "" at the end of a logical line. */
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

  /** `__import__` tries the sibling in Python 2 as the statement does, `import_module` never. */
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
    const implicitRelative = sibling ?? this.#found.get(absolute)?.implicitRelative;
    const found = { name: absolute, ...(implicitRelative !== undefined && { implicitRelative }) };
    this.#found.set(absolute, found);
  }

  /** The package that so many dots lead to; undefined above the topmost. */
  #ancestor(dots: number): string[] | undefined {
    const parts = this.#package === "" ? [] : this.#package.split(".");
    return dots > parts.length ? undefined : parts.slice(0, parts.length - dots + 1);
  }
}
