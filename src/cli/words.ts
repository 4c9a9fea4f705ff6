/**
 * Advice for a command line that lacks its `--`: another program's words follow those of econtext.
 * Knows no command.
 */
import { quoteForPosixShell } from "../shell-quote.ts";
import type { CommandLine } from "./parse-line.ts";

/**
 * @param isOfOthers words of another program may follow: after two words, `--help` may be its
 * option
 * @returns whether `--help` or `-h` is meant for econtext
 */
export function wantsHelp({ helpAt }: CommandLine, isOfOthers: boolean): boolean {
  return helpAt !== undefined && (!isOfOthers || helpAt < 2);
}

/**
 * The command line with the missing `--`, to be pasted into a shell.
 *
 * @param begins whether the other program's words begin with this one; by default the second does
 * @returns undefined if there is no word to put it before
 */
export function withSeparator(
  command: string,
  { raw, words }: CommandLine,
  begins: (word: string) => boolean,
): string | undefined {
  const [target, ...others] = words;
  const first = others.find(({ text }) => begins(text)) ?? others[0];
  if (target === undefined || first === undefined) return undefined;
  const whole = [...raw.slice(0, first.index), "--", ...raw.slice(first.index)];
  return ["econtext", command, ...whole.map(quoted)].join(" ");
}

/** As an argument for a POSIX shell, where `--name=value` needs no quotes. */
export function quoted(word: string): string {
  return /^[\w./:@%+,=-]+$/.test(word) ? word : quoteForPosixShell(word);
}

/**
 * Begins a line with an argument vector.
 *
 * @param engine set where the embedded ssh reads the vector, and may run no program
 */
export function runTitle(engine: string | undefined): string {
  return (engine ?? "runs").padEnd(10);
}
