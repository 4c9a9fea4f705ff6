/**
 * Which options the ssh client's own configuration sets, and which hosts it names. A client refuses
 * a command line with an option that it does not know, so a newer option is overridden only if a
 * configuration names it. Reads files. Does not know what the options mean, or which of them apply
 * to a host.
 */
import { readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { account } from "./account.ts";

const SYSTEM = "/etc/ssh";
/** As in ssh itself, so that a file that includes itself is not read for ever. */
const MAX_DEPTH = 16;
const LINE = /^[ \t]*([a-z0-9]+)[ \t]*(?:=|[ \t])[ \t]*(.*)$/i;
/** Lines that say nothing. */
const EMPTY = /^\s*(?:#|$)/;
/** What a pattern of files may hold, if these are all found that ssh finds. */
const PLAIN_PATTERN = /^(?:~\/)?[\w@+,.:/*?-]*$/;
/** In place of a keyword: a line, a file or a pattern of files that only ssh may understand. */
export const UNCLEAR = "";

/**
 * Gets each line: a keyword in lower case, or `UNCLEAR`, and what follows it.
 *
 * @param file the lines of one file, the same object as long as the file is unchanged; undefined:
 *   it is a line of the command line
 */
type Visitor = (keyword: string, value: string, file?: Lines) => void;

/**
 * @param options of ssh's command line: `-F FILE` replaces all other files, `-o` is a line of one
 * @returns the names, in lower case, of all options that apply to some host, in ssh's configuration
 *   files and on its command line
 */
export function namedOptions(options: readonly string[]): ReadonlySet<string> {
  const names = new Set<string>();
  readAll(options, (keyword) => names.add(keyword));
  names.delete(UNCLEAR);
  return names;
}

/**
 * @param options as of `namedOptions`
 * @param keyword in lower case
 * @returns what follows the keyword, wherever it stands
 */
export function namedValues(options: readonly string[], keyword: string): readonly string[] {
  const values: string[] = [];
  readAll(options, (name, value) => {
    if (name === keyword) values.push(value);
  });
  return values;
}

/**
 * @param options as of `namedOptions`
 * @returns the hosts that the files name after `Host`, without patterns, in the order of the files
 */
export function namedHosts(options: readonly string[]): readonly string[] {
  const hosts = new Set<string>();
  readAll(options, (keyword, value) => {
    if (keyword !== "host") return;
    for (const word of wordsOf(value)) if (!/[*?!]/.test(word)) hosts.add(word);
  });
  return [...hosts];
}

/** Visits each line of the command line and of the files, in ssh's order. */
export function readAll(options: readonly string[], visit: Visitor): void {
  const values = (letter: string): string[] =>
    options.flatMap((option, at) => {
      if (option === `-${letter}`) return [options[at + 1] ?? ""];
      return option.startsWith(`-${letter}`) ? [option.slice(2)] : [];
    });
  for (const option of values("o")) {
    // ssh takes no Include there.
    for (const line of linesOf(option.replace(/^\s*\w+$/, "$& "))) visit(...line);
  }
  const [file] = values("F");
  if (file === "none") return;
  const own = join(account().home, ".ssh");
  readConfig(file ?? join(own, "config"), own, visit, 0);
  if (file === undefined) readConfig(join(SYSTEM, "ssh_config"), SYSTEM, visit, 0);
}

/** @param folder included files are named relative to it */
function readConfig(file: string, folder: string, visit: Visitor, depth: number): void {
  let lines: Lines;
  try {
    lines = linesOfFile(file);
  } catch {
    return; // ssh itself reports a file that it cannot read, if it needs it.
  }
  visitAll(lines, folder, visit, depth);
}

export type Lines = readonly (readonly [keyword: string, value: string])[];
const NOT_READ: Lines = [[UNCLEAR, ""]];

/** A file that was read, and what changes when the file does. */
interface Known {
  readonly stamp: string;
  readonly text: string;
  readonly lines: Lines;
}

/** The same file is read for every target. */
const known = new Map<string, Known>();
/** The clock of a file system may be so coarse that a second change leaves the stamp as it is. */
const RECENT_MS = 2500;

/** @throws the file cannot be read */
function linesOfFile(file: string): Lines {
  const status = statSync(file);
  // What a pipe holds is for ssh alone.
  if (!status.isFile()) return NOT_READ;
  const { dev, ino, size, mtimeMs, ctimeMs } = status;
  const stamp = [dev, ino, size, mtimeMs, ctimeMs].join();
  const before = known.get(file);
  if (before?.stamp === stamp) return before.lines;
  const text = readFileSync(file, "utf8");
  const lines = before?.text === text ? before.lines : linesOf(text);
  const isRecent = Date.now() - ctimeMs < RECENT_MS;
  known.set(file, { stamp: isRecent ? "" : stamp, text, lines });
  return lines;
}

function linesOf(text: string): Lines {
  return text
    .split("\n")
    .filter((line) => !EMPTY.test(line))
    .map((line) => {
      const [, name = UNCLEAR, value = ""] = LINE.exec(line.replace(/[\r\f]+$/, "")) ?? [];
      return [name.toLowerCase(), value];
    });
}

function visitAll(lines: Lines, folder: string, visit: Visitor, depth: number): void {
  for (const [name, value] of lines) {
    visit(name, value, lines);
    if (name !== "include" || depth >= MAX_DEPTH) continue;
    for (const word of wordsOf(value)) {
      if (!PLAIN_PATTERN.test(word)) visit(UNCLEAR, word, lines);
      const pattern = word.replace(/^~(?=\/)/, account().home);
      for (const file of matching(resolve(folder, pattern))) {
        readConfig(file, folder, visit, depth + 1);
      }
    }
  }
}

/** @returns the words of a value; one in quotes may have spaces */
function wordsOf(value: string): string[] {
  const matches = value.matchAll(/"([^"]*)"|([^\s"]+)/g);
  return [...matches].map(([, quoted, plain = ""]) => quoted ?? plain);
}

/** @param pattern an absolute path, which may hold a shell's wildcards */
function matching(pattern: string): Iterable<string> {
  if (!/[*?[]/.test(pattern)) return [pattern];
  try {
    return [...new Bun.Glob(pattern).scanSync({ dot: true })];
  } catch {
    return []; // there is no such folder
  }
}
