/** Reads the values of a table of TOML. The error of a wrong value names the file and the key. */
import { UsageError } from "../errors.ts";

type Values = Readonly<Record<string, unknown>>;

export class Table {
  readonly file: string;
  readonly #path: readonly string[];
  readonly #values: Values;
  readonly #read = new Set<string>();

  /** @param path of the table in the file; empty for the whole file */
  constructor(file: string, path: readonly string[], values: Values) {
    this.file = file;
    this.#path = path;
    this.#values = values;
  }

  /** @returns an error that names the key, or the table itself without one */
  problem(text: string, key?: string): UsageError {
    return new UsageError("ERR_USAGE_CONFIG", `${this.place(key)}: ${text}`);
  }

  /** @returns the name of a key's place, or of the table's without one */
  place(key?: string): string {
    const path = [...this.#path, ...(key === undefined ? [] : [key])].map(quoted).join(".");
    return [this.file, path].filter(Boolean).join(": ");
  }

  get keys(): readonly string[] {
    return Object.keys(this.#values);
  }

  /** @returns a value that is not checked yet */
  value(key: string): unknown {
    return this.#take(key);
  }

  has(key: string): boolean {
    return this.#take(key) !== undefined;
  }

  text(key: string): string | undefined {
    const value = this.#take(key);
    if (value === undefined || typeof value === "string") return value;
    throw this.problem(`expected a text, not ${kindOf(value)}`, key);
  }

  /** @returns a set of targets: a text, or a list of texts; undefined if it is a table */
  set(key: string): string | undefined {
    const value = this.#take(key);
    if (Array.isArray(value)) return this.texts(key)?.join(",");
    return isTable(value) ? undefined : this.text(key);
  }

  /** @returns a table whose values are texts; undefined if there is none */
  textTable(key: string): Readonly<Record<string, string>> | undefined {
    if (!this.has(key)) return undefined;
    const table = this.table(key);
    return Object.fromEntries(table.keys.map((name) => [name, table.text(name) ?? ""]));
  }

  flag(key: string): boolean | undefined {
    const value = this.#take(key);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.problem(`expected true or false, not ${kindOf(value)}`, key);
  }

  integer(key: string): number | undefined {
    const value = this.#take(key);
    if (value === undefined || Number.isSafeInteger(value)) return value as number | undefined;
    throw this.problem(`expected a whole number, not ${kindOf(value)}`, key);
  }

  choice<T extends string>(key: string, among: readonly T[]): T | undefined {
    const value = this.text(key);
    if (value === undefined || (among as readonly string[]).includes(value)) return value as T;
    throw this.problem(`${JSON.stringify(value)} is none of ${among.join(", ")}`, key);
  }

  list(key: string): readonly unknown[] | undefined {
    const value = this.#take(key);
    if (value === undefined || Array.isArray(value)) return value;
    throw this.problem(`expected a list, not ${kindOf(value)}`, key);
  }

  texts(key: string): readonly string[] | undefined {
    const values = this.list(key);
    const other = values?.find((value) => typeof value !== "string");
    if (other === undefined) return values as readonly string[] | undefined;
    throw this.problem(`expected a list of texts; it has ${kindOf(other)}`, key);
  }

  /** @returns the table of this name; an empty one if there is none */
  table(key: string): Table {
    return this.#tableOf(key, this.#take(key) ?? {});
  }

  tables(key: string): readonly Table[] {
    return (this.list(key) ?? []).map((value, at) => this.#tableOf(`${key}[${at}]`, value));
  }

  /** @throws {UsageError} the table has a key that was not read */
  finish(): void {
    const unknown = this.keys.find((key) => !this.#read.has(key));
    if (unknown === undefined) return;
    throw this.problem(`no such key; there are ${[...this.#read].join(", ")}`, unknown);
  }

  #tableOf(key: string, value: unknown): Table {
    if (isTable(value)) return new Table(this.file, [...this.#path, key], value);
    throw this.problem(`expected a table, not ${kindOf(value)}`, key);
  }

  #take(key: string): unknown {
    this.#read.add(key);
    return Object.hasOwn(this.#values, key) ? this.#values[key] : undefined;
  }
}

export function isTable(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (typeof value === "string") return `the text ${JSON.stringify(value)}`;
  if (Array.isArray(value)) return "a list";
  return isTable(value) ? "a table" : String(value);
}

function quoted(key: string): string {
  return /^[\w-]+(?:\[\d+\])?$/.test(key) ? key : JSON.stringify(key);
}
