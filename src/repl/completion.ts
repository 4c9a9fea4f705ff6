/**
 * What the tab key offers: names and members, remote functions, targets, and paths here and of
 * other machines. Knows no terminal.
 */
import { dirname } from "node:path";
import { Context } from "../index.ts";
import { type Completions, namesIn, openString } from "./name-completion.ts";
import { pythonNames } from "./remote-python.ts";

export interface Places {
  /** @returns the value of a plain path of names */
  peek(path: string): unknown;
  readonly current: Context;
  readonly isPython: boolean;
  /** The commands that begin with a dot, without it. */
  readonly commands: readonly string[];
  targets(begin: string): string[];
  /** Paths on this machine. */
  files(begin: string): string[];
}

/** Milliseconds that a person waits for another machine after a press of the key. */
const REMOTE_MS = 2000;
const FUNCTION = /([\p{ID_Continue}$.]+)\.call\(\s*["'`]([\p{ID_Continue}.]*)$/u;
const COMMAND = /^\s*\.(\w*)$/;
const TARGET = /(?:^\.connect\s+|\bconnect\(\s*["'`])([^"'`\s]*)$/;
const PATH = /([\p{ID_Continue}$.]+)\.(?:get|readFile|readStream|writeFile)\(\s*["'`]([^"'`]*)$/u;
const FILE = /^\.(?:load|save)\s+(.*)$/;
const SHELL = /^\s*!(?:.*[\s=;|&<>(])?([^\s=;|&<>()]*)$/s;
/** A string that is the path of a file here. */
const LOCAL = /^(?:\.{0,2}|~)\/|^$/;
const LOCAL_ARGUMENT = /\.put\(\s*["'`]([^"'`]*)$/;
const PYTHON = /[\p{ID_Continue}.]*$/u;

export async function completionsOf(line: string, places: Places): Promise<Completions> {
  const [, command] = COMMAND.exec(line) ?? [];
  if (command !== undefined) {
    return [places.commands.filter((name) => name.startsWith(command)).sort(), command];
  }
  const [, target] = TARGET.exec(line) ?? [];
  if (target !== undefined) return [places.targets(target), target];
  const [, file] = FILE.exec(line) ?? [];
  if (file !== undefined) return [places.files(file), file];
  const [, word] = SHELL.exec(line) ?? [];
  if (word !== undefined) return [await pathsOf(places.current, word), word];
  if (places.isPython) {
    const [typed = ""] = PYTHON.exec(line) ?? [];
    if (typed === "") return [[], ""];
    return [await pythonNames(places.current, typed, REMOTE_MS), typed];
  }
  const text = openString(line);
  if (text !== undefined) return inString(line, text, places);
  return namesIn(line, (path) => places.peek(path));
}

/** @param text of the string that the line ends in */
async function inString(line: string, text: string, places: Places): Promise<Completions> {
  const [, place = "", name] = FUNCTION.exec(line) ?? [];
  if (name !== undefined) {
    const context = contextOf(place, places);
    return [context === undefined ? [] : await pythonNames(context, name, REMOTE_MS), name];
  }
  const [, where = "", path] = PATH.exec(line) ?? [];
  const context = path === undefined ? undefined : contextOf(where, places);
  if (context !== undefined) return [await pathsOf(context, text), text];
  const isFile = (text !== "" && LOCAL.test(text)) || LOCAL_ARGUMENT.test(line);
  return [isFile ? places.files(text) : [], text];
}

/** @returns the context with this name; for `all`, the current one */
function contextOf(name: string, { peek, current }: Places): Context | undefined {
  if (name === "all") return current;
  try {
    const value = peek(name);
    return value instanceof Context ? value : undefined;
  } catch {
    return undefined; // there is no such name
  }
}

async function pathsOf(context: Context, typed: string): Promise<string[]> {
  // A context begins in the home folder.
  const folder = typed.includes("/") ? dirname(`${typed}x`) : ".";
  const kept = typed.slice(0, typed.lastIndexOf("/") + 1);
  const argv = ["sh", "-c", 'cd -- "$1" && ls -1Ap', "sh", folder];
  try {
    const list = await context.exec(argv, { deadline: REMOTE_MS }).stdout.text();
    const paths = list
      .split("\n")
      .filter(Boolean)
      .map((name) => kept + name);
    return paths.filter((path) => path.startsWith(typed));
  } catch {
    return []; // a press of a key shows no error
  }
}
