/**
 * Checks the text that people read: comments and documents end at 100 columns, and a short list
 * of phrases is banned, because a reader has to ask "who?" or "what?" after each of them.
 *
 * A line that cannot be wrapped may be longer: a table's, a code block's, one with a long URL.
 * What does not pass yet is counted in language-exceptions.json, one number a folder. A number may
 * only go down. It is removed when it reaches 0, and the check fails until it is.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ratchet } from "./ratchet.ts";

const ROOT = dirname(import.meta.dir);
const MAX_COLUMNS = 100;
const MAX_CELL = 200;
const FOLDERS = [".ci", "docs", "examples", "findings", "scripts", "src", "stage1", "test"];
/** Input of tests, and packages of others: their text is what a test needs. */
const LEFT_OUT = /(^|\/)node_modules\/|^test\/(fixtures|vectors)\//;

interface Phrase {
  readonly words: string;
  readonly instead: string;
}

/** Each stands for a thing that the text must name. */
const BANNED: readonly Phrase[] = [
  { words: "that is none", instead: "say what was expected, and what came" },
  { words: "that are none", instead: "say what was expected, and what came" },
  { words: "over there", instead: "on the remote machine, in the slave" },
  { words: "over here", instead: "on this machine, in the master" },
  { words: "whoever", instead: "name the process, the caller, the account" },
  { words: "whomever", instead: "name the process, the caller, the account" },
  { words: "nobody", instead: "name what does not do it: no process, no caller" },
  { words: "somebody", instead: "name the process, the caller, the user" },
];

/** A comment's mark may stand between two words, where a line ends. */
const BREAK = String.raw`\s+(?:(?:\*|//|#+|>)\s+)?`;
const PHRASES = BANNED.map(({ words, instead }) => ({
  words,
  instead,
  pattern: new RegExp(String.raw`\b${words.replaceAll(" ", BREAK)}\b`, "gi"),
}));

type Problem = readonly [path: string, line: number, what: string];

/** @returns a line for each phrase of the list in this file */
export function phrases(path: string, text: string): Problem[] {
  return PHRASES.flatMap(({ words, instead, pattern }) =>
    [...text.matchAll(pattern)].map(({ index }): Problem => {
      const line = text.slice(0, index).split("\n").length;
      return [path, line, `"${words}": ${instead}`];
    }),
  );
}

/** @returns a line for each line of a comment or a document that is too long */
export function columns(path: string, text: string): Problem[] {
  const lines = text.split("\n");
  return path.endsWith(".md") ? ofDocument(path, lines) : ofComments(path, lines);
}

function ofDocument(path: string, lines: readonly string[]): Problem[] {
  let isCode = false;
  return lines.flatMap((line, index): Problem[] => {
    if (line.trimStart().startsWith("```")) isCode = !isCode;
    if (isCode) return [];
    if (line.startsWith("|")) {
      const longest = Math.max(...line.split(/(?<!\\)\|/).map((cell) => cell.trim().length));
      const what = `a table's cell of ${longest} characters (at most ${MAX_CELL})`;
      return longest > MAX_CELL ? [[path, index + 1, what]] : [];
    }
    return line.startsWith("    ") ? [] : tooLong(path, index, line);
  });
}

function ofComments(path: string, lines: readonly string[]): Problem[] {
  const isScript = path.endsWith(".py") || path.endsWith(".sh") || /^#!.*sh\b/.test(lines[0] ?? "");
  let isDocstring = false;
  return lines.flatMap((line, index) => {
    const quotes = isScript ? (line.match(/"""/g) ?? []).length : 0;
    const isText = isDocstring || quotes > 0;
    if (quotes % 2 === 1) isDocstring = !isDocstring;
    const isComment = isScript
      ? isText || /^\s*#|\s# [^"']*$/.test(line)
      : /^\s*(?:\/\/|\/?\*)|\s\/\/ [^"'`]*$/.test(line);
    return isComment ? tooLong(path, index, line) : [];
  });
}

/** A line is not too long if it cannot be broken: when one word of it is. */
function tooLong(path: string, index: number, line: string): Problem[] {
  if (line.length <= MAX_COLUMNS) return [];
  const longest = Math.max(
    ...line
      .trim()
      .split(/\s+/)
      .map((word) => word.length),
  );
  if (longest > MAX_COLUMNS / 2) return [];
  return [[path, index + 1, `${line.length} columns (at most ${MAX_COLUMNS})`]];
}

function textFiles(): string[] {
  const below = FOLDERS.flatMap((folder) =>
    existsSync(join(ROOT, folder))
      ? readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
          .map((path) => join(folder, path))
          .filter((path) => /\.(?:ts|js|mjs|py|sh|md)$|^\.ci\/run$|^examples\/load$/.test(path))
      : [],
  );
  const top = readdirSync(ROOT).filter((name) => name.endsWith(".md"));
  return [...top, ...below].filter((path) => !LEFT_OUT.test(path)).sort();
}

/** `src/io/fd.ts` counts for src/io, `docs/errors.md` for docs, `README.md` for itself. */
function folderOf(path: string): string {
  return path.split("/").slice(0, -1).slice(0, 2).join("/") || path;
}

if (import.meta.main) {
  const texts = textFiles().map((path) => [path, readFileSync(join(ROOT, path), "utf8")] as const);
  const problems = {
    columns: texts.flatMap(([path, text]) => columns(path, text)),
    // This file has to name them.
    phrases: texts
      .filter(([path]) => !/scripts\/language\.ts$|language\.test\.ts$/.test(path))
      .flatMap(([path, text]) => phrases(path, text)),
  };
  const wrong = Object.entries(problems).flatMap(([check, list]) => {
    const found = list.map(([path, line, what]) => ({
      key: folderOf(path),
      weight: 1,
      text: `${path}:${line}: ${what}`,
    }));
    return ratchet(join(import.meta.dir, "language-exceptions.json"), check, found);
  });
  for (const line of wrong) console.error(line);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
