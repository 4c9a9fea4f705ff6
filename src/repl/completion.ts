/**
 * What the tab key offers inside of a text: names of remote functions, targets, and remote paths.
 * Everything else is left to node:repl. Knows no terminal.
 */
import { dirname } from "node:path";
import { Context } from "../index.ts";
import { pythonNames } from "./remote-python.ts";

/** The candidates, and the part of the line that each of them replaces. */
export type Completions = [candidates: string[], typed: string];

export interface Places {
  /** @returns the value of a plain path of names */
  peek(path: string): unknown;
  readonly current: Context;
  readonly isPython: boolean;
  targets(begin: string): string[];
}

/** Milliseconds that a person waits for another machine after a press of the key. */
const REMOTE_MS = 2000;
const FUNCTION = /([\p{ID_Continue}$.]+)\.call\(\s*["'`]([\p{ID_Continue}.]*)$/u;
const TARGET = /(?:^\.connect\s+|\bconnect\(\s*["'`])([^"'`\s]*)$/;
const PATH = /([\p{ID_Continue}$.]+)\.(?:get|readFile|readStream|writeFile)\(\s*["'`]([^"'`]*)$/u;
const PYTHON = /[\p{ID_Continue}.]*$/u;

/** @returns undefined if the line ends in none of these */
export async function completionsOf(
  line: string,
  places: Places,
): Promise<Completions | undefined> {
  const [, target] = TARGET.exec(line) ?? [];
  if (target !== undefined) return [places.targets(target), target];
  if (places.isPython) {
    const [typed = ""] = PYTHON.exec(line) ?? [];
    if (typed === "") return [[], ""];
    return [await pythonNames(places.current, typed, REMOTE_MS), typed];
  }
  const [, place = "", name] = FUNCTION.exec(line) ?? [];
  if (name !== undefined) {
    const context = contextOf(place, places);
    return context && [await pythonNames(context, name, REMOTE_MS), name];
  }
  const [, where = "", path] = PATH.exec(line) ?? [];
  const context = path === undefined ? undefined : contextOf(where, places);
  return context && path !== undefined ? [await pathsOf(context, path), path] : undefined;
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
