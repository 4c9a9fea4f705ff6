/**
 * The targets of a command line: the one place where its words become names. A word is a set, or
 * `-` for names on standard input; `--hosts` adds the names of a file, `--limit` leaves some out.
 */
import { readFileSync } from "node:fs";
import type { Groups } from "../sets/groups.ts";
import { readConfiguration } from "./configuration.ts";
import type { Host } from "./host.ts";
import type { Flags } from "./parse-line.ts";
import { Usage } from "./report-error.ts";

/** A file, or a target, that stands for standard input. */
const INPUT = "-";

/** A word that is no set: a target as it is. */
const PLAIN = /^[\p{L}\p{M}\w%][\p{L}\p{M}\w.:@%/+-]*$/u;

export interface Targets {
  /** In the order of writing; at least one. Each once, unless all words are plain names. */
  readonly names: readonly string[];
  /** Standard input was the list of targets: the command has none left. */
  readonly takesInput: boolean;
}

/** @returns whether the targets may be given by options alone */
export function hasHosts(flags: Flags): boolean {
  return flags["hosts"] !== undefined;
}

/**
 * @param words sets, read from left to right as one: a word may begin with an operator
 * @throws {UsageError} `ERR_USAGE_TARGET`, `ERR_USAGE_CONFIG`
 * @throws {Usage} there are no targets
 */
export async function readTargets(
  command: string,
  words: readonly string[],
  flags: Flags,
  host: Host,
): Promise<Targets> {
  const { groups } = readConfiguration(host).targets;
  const { hosts, limit } = flags;
  const files = typeof hosts === "string" ? [hosts] : [];
  if (words.length === 0 && files.length === 0) throw new Usage(command, "a TARGET is missing");
  const all = [...files, ...words];
  const takesInput = all.includes(INPUT);
  if (all.filter((word) => word === INPUT).length > 1) {
    throw new Usage(command, "standard input can be read once: write - once");
  }
  // `local local` means two of them.
  if (files.length === 0 && limit === undefined && words.every((word) => PLAIN.test(word))) {
    return { names: words, takesInput };
  }
  let names: readonly string[] | undefined;
  for (const file of files) names = await namesOfFile(command, file, groups, host);
  for (const part of parts(words)) {
    if (part === INPUT) {
      names = [...new Set([...(names ?? []), ...(await namesOfInput(groups, host))])];
    } else names = await groups.expand(part, names && { base: names });
  }
  const chosen = names ?? [];
  if (all.every((word) => word === "")) throw new Usage(command, "the word for targets is empty");
  if (chosen.length === 0) throw new Usage(command, `no target is left: ${all.join(" ")}`);
  if (typeof limit !== "string") return { names: chosen, takesInput };
  return { names: await limited(command, limit, chosen, groups), takesInput };
}

/** @returns `-`, and the words between as one text */
function parts(words: readonly string[]): readonly string[] {
  const found: string[] = [];
  for (const word of words) {
    const last = found.at(-1);
    if (word === INPUT || last === undefined || last === INPUT) found.push(word);
    else found[found.length - 1] = `${last} ${word}`;
  }
  return found;
}

/** `SET` keeps what is in it; `!SET` what is not. A `*` stands for the given names. */
async function limited(
  command: string,
  limit: string,
  names: readonly string[],
  groups: Groups,
): Promise<readonly string[]> {
  const isOperation = /^\s*[!&^]/.test(limit);
  const kept = isOperation
    ? await groups.expand(limit, { base: names, known: names })
    : await inBoth(names, groups.expand(limit, { known: names }));
  if (kept.length === 0) throw new Usage(command, `no target is left by --limit ${limit}`);
  return kept;
}

async function inBoth(
  names: readonly string[],
  others: Promise<readonly string[]>,
): Promise<readonly string[]> {
  const kept = new Set(await others);
  return names.filter((name) => kept.has(name));
}

async function namesOfFile(
  command: string,
  file: string,
  groups: Groups,
  host: Host,
): Promise<readonly string[]> {
  if (file === INPUT) return namesOfInput(groups, host);
  let text: string;
  try {
    text = readFileSync(host.path(file), "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Usage(command, code === "ENOENT" ? `no such file: --hosts ${file}` : message);
  }
  return groups.expandLines(text, file);
}

async function namesOfInput(groups: Groups, host: Host): Promise<readonly string[]> {
  if (host.stdin.isTerminal) {
    await host.stderr.write("reading targets from the terminal; end it with ctrl-D\n");
  }
  const text = new TextDecoder().decode(await host.stdin.bytes());
  return groups.expandLines(text, "standard input");
}
