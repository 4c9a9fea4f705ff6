/**
 * A command line as it was typed, before it is known to make sense: whether it asks for help, and where the `--` belongs that is missing
 * in it. Knows no command.
 */
import { parseArgs } from "node:util";
import type { ArgsDef } from "citty";
import { optionsOf } from "./options.ts";

interface Word {
  readonly kind: "positional" | "option";
  /** In the command line. */
  readonly index: number;
  readonly name: string;
}

/** Words up to `--`; values of options are no words. */
function wordsOf(definitions: ArgsDef, rawArgs: readonly string[]): Word[] {
  const end = rawArgs.indexOf("--");
  const { tokens } = parseArgs({
    args: rawArgs.slice(0, end < 0 ? rawArgs.length : end),
    options: optionsOf(definitions),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  return tokens.flatMap((token): Word[] => {
    const { index } = token;
    if (token.kind === "positional") return [{ kind: token.kind, index, name: token.value }];
    return token.kind === "option" ? [{ kind: token.kind, index, name: token.name }] : [];
  });
}

/**
 * Whether `--help` or `-h` is for us. Behind a second word it may be an option of a command that lacks its `--`.
 *
 * @param isOfOthers whether words of another program may follow
 */
export function wantsHelp(
  definitions: ArgsDef,
  rawArgs: readonly string[],
  isOfOthers: boolean,
): boolean {
  const words = wordsOf(definitions, rawArgs);
  const at = words.findIndex(({ kind, name }) => kind === "option" && /^h(?:elp)?$/.test(name));
  const before = words.slice(0, Math.max(at, 0)).filter(({ kind }) => kind === "positional");
  return at >= 0 && (!isOfOthers || before.length < 2);
}

/**
 * The command line with the `--` that is missing in it, to be pasted into a shell. Undefined when there is nothing to put it in front of.
 *
 * @param begins whether what follows the targets begins with this word; where none does, it is the second
 */
export function withSeparator(
  command: string,
  definitions: ArgsDef,
  rawArgs: readonly string[],
  begins: (word: string) => boolean,
): string | undefined {
  const [target, ...others] = wordsOf(definitions, rawArgs).filter(
    ({ kind }) => kind === "positional",
  );
  const first = others.find(({ name }) => begins(name)) ?? others[0];
  if (target === undefined || first === undefined) return undefined;
  const words = [...rawArgs.slice(0, first.index), "--", ...rawArgs.slice(first.index)];
  return ["econtext", command, ...words.map(quoted)].join(" ");
}

/** As a word for a POSIX shell. */
export function quoted(word: string): string {
  return /^[\w./:@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
