/**
 * The only parser of the command line. It reads the words once, by the definitions of a command's
 * options, and keeps where each word stood: the request for help, the errors and their advice come
 * from the same reading. Knows no command. (docs/decisions/0010 says why it is not citty's.)
 */
import type { ArgsDef } from "citty";

/** One option or positional argument, for parsing, help and advice for typing errors. */
export type Definition = ArgsDef[string] & {
  /** The option may be given several times; its values are a list. */
  readonly repeated?: boolean;
  /** Values that are completed, besides those that `valueHint` says. */
  readonly suggested?: readonly string[];
};

export type Definitions = Readonly<Record<string, Definition>>;

export interface Flags {
  readonly [name: string]: string | boolean | readonly string[] | undefined;
}

/** A positional argument before `--`. */
export interface Word {
  readonly text: string;
  /** Its index among the words of the command line. */
  readonly index: number;
}

/** The first error of a line. */
export interface Problem {
  readonly kind: "unknown" | "missing" | "needless";
  /** The option as it was typed, without a value. */
  readonly option: string;
  /** The name that goes with it. */
  readonly valueHint?: string | undefined;
}

export interface CommandLine {
  readonly raw: readonly string[];
  readonly flags: Flags;
  readonly words: readonly Word[];
  /** The texts of `words`. */
  readonly before: readonly string[];
  /** All after `--`; undefined if there is no `--`. */
  readonly after: readonly string[] | undefined;
  readonly problem: Problem | undefined;
  /** The number of words before `--help` or `-h`; undefined if help is not asked for. */
  readonly helpAt: number | undefined;
}

/** A negative number is a word, and may be the value of an option. */
const NEGATIVE = /^-\.?\d/;

/** @param stopsAtWord the first positional argument ends the line: its rest is another program's */
export function parseLine(
  definitions: Definitions,
  raw: readonly string[],
  stopsAtWord = false,
): CommandLine {
  return new Parser(definitions, raw).parse(stopsAtWord);
}

/** @returns whether a word can only be a word or a value, and is no option */
function isPlain(text: string): boolean {
  return !text.startsWith("-") || text === "-" || NEGATIVE.test(text);
}

class Parser {
  readonly #definitions: Definitions;
  readonly #raw: readonly string[];
  /** The index of `--`, or the end. */
  readonly #end: number;
  readonly #flags: Record<string, string | boolean | string[]> = {};
  readonly #words: Word[] = [];
  #at = 0;
  #problem: Problem | undefined;
  #helpAt: number | undefined;

  constructor(definitions: Definitions, raw: readonly string[]) {
    this.#definitions = definitions;
    this.#raw = raw;
    const end = raw.indexOf("--");
    this.#end = end < 0 ? raw.length : end;
  }

  parse(stopsAtWord: boolean): CommandLine {
    while (this.#at < this.#end && !(stopsAtWord && this.#words.length > 0)) {
      const index = this.#at++;
      const text = this.#raw[index] ?? "";
      if (isPlain(text)) this.#words.push({ text, index });
      else if (text.startsWith("--")) this.#long(text);
      else this.#short(text);
    }
    return {
      raw: this.#raw,
      flags: this.#flags,
      words: this.#words,
      before: this.#words.map(({ text }) => text),
      after: this.#end < this.#raw.length ? this.#raw.slice(this.#end + 1) : undefined,
      problem: this.#problem,
      helpAt: this.#helpAt,
    };
  }

  /** `--name`, `--name value` or `--name=value`. */
  #long(text: string): void {
    const [, name = "", value] = /^--([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
    this.#option(`--${name}`, this.#named(name), value);
  }

  /** `-x`, `-xy` for `-x -y`, `-xVALUE` or `-x VALUE`. */
  #short(text: string): void {
    for (let i = 1; i < text.length; i += 1) {
      const letter = text.charAt(i);
      const name = this.#ofLetter(letter);
      const rest = text.slice(i + 1);
      const takesValue = name !== undefined && this.#takesValue(name);
      this.#option(`-${letter}`, name, takesValue && rest !== "" ? rest : undefined);
      // After an unknown letter nothing is certain.
      if (takesValue || name === undefined) return;
    }
  }

  #option(option: string, name: string | undefined, inline: string | undefined): void {
    if (name === undefined) {
      const isHelp = option === "--help" || option === "-h";
      if (isHelp) this.#helpAt ??= this.#words.length;
      this.#problem ??= { kind: "unknown", option };
    } else if (this.#takesValue(name)) {
      const value = inline ?? this.#next();
      if (value !== undefined) this.#set(name, value);
      else {
        const { valueHint } = this.#definitions[name] as Definition;
        this.#problem ??= { kind: "missing", option, valueHint };
      }
    } else if (inline !== undefined) this.#problem ??= { kind: "needless", option };
    else this.#flags[name] = true;
  }

  /** @returns the next word, if it can be a value */
  #next(): string | undefined {
    const text = this.#raw[this.#at];
    if (this.#at >= this.#end || text === undefined || !isPlain(text)) return undefined;
    this.#at += 1;
    return text;
  }

  #set(name: string, value: string): void {
    if (this.#definitions[name]?.repeated !== true) this.#flags[name] = value;
    else this.#flags[name] = [...((this.#flags[name] as string[] | undefined) ?? []), value];
  }

  #named(name: string): string | undefined {
    const isKnown = Object.hasOwn(this.#definitions, name);
    return isKnown && this.#definitions[name]?.type !== "positional" ? name : undefined;
  }

  #ofLetter(letter: string): string | undefined {
    return Object.entries(this.#definitions).find(
      ([, definition]) => "alias" in definition && definition.alias === letter,
    )?.[0];
  }

  #takesValue(name: string): boolean {
    return this.#definitions[name]?.type !== "boolean";
  }
}
