/**
 * Which hosts ssh treats alike. `ssh -G` costs a process for each host. Of hosts that differ in
 * nothing but their names, it is asked about one.
 *
 * Hosts are alike if the same `Host` lines are for them, and if no `Match` line and no token of a
 * value looks at more than that. Where this cannot be told for certain, no host is alike.
 */
import { readFileSync } from "node:fs";
import { type Lines, readAll, UNCLEAR } from "../transports/ssh-config.ts";
import type { Configured, SshConfiguration } from "./configuration.ts";
import { matchesPattern } from "./patterns.ts";

/** A name in lower case that is no address. ssh changes others before it looks for them. */
const DESTINATION = /^((?:[^@/]+@)?)([a-z][a-z0-9.-]*)$/;
const HOST_PATTERNS = /^[\w.*?!:@ \t-]*$/;
const FOR_ALL = /^(?:(?:final|canonical)[ \t]+)?all[ \t]*$/i;
/** Values that `ssh -G` prints as they are written, or that mean nothing here. */
const UNEXPANDED = ["proxycommand", "controlpath", "localcommand", "remotecommand"];

/** A destination, and what it has in common with others. */
export interface HostClass {
  readonly name: string;
  /** The same for all hosts that are alike. */
  readonly key: string;
}

/**
 * @param options of ssh's command line
 * @returns undefined: ssh has to be asked about this destination
 */
export function classOf(options: readonly string[], destination: string): HostClass | undefined {
  const [, user = "", name] = DESTINATION.exec(destination) ?? [];
  if (name === undefined || !isProgram("ssh")) return undefined;
  const files = new Set<number>();
  let isClear = true;
  let chosen = "";
  readAll(options, (keyword, value, file) => {
    if (file !== undefined) files.add(numberOf(file));
    if (keyword === "host") chosen += isFor(value, name) ? "1" : "0";
    // `ssh -G` would not tell such a HostName from the name of a host that has none.
    if (keyword === "hostname") isClear &&= !value.toLowerCase().includes(name);
    isClear &&= !dependsOnMore(keyword, value);
  });
  return isClear ? { name, key: JSON.stringify([options, user, [...files], chosen]) } : undefined;
}

/** Whether a line may depend on more of a name than the result of `Host` lines. */
function dependsOnMore(keyword: string, value: string): boolean {
  if (keyword === UNCLEAR) return true;
  if (keyword === "host") return !HOST_PATTERNS.test(value);
  if (keyword === "match") return !FOR_ALL.test(value);
  return value.includes("%") && !UNEXPANDED.includes(keyword);
}

/** Whether a `Host` line with these patterns is for a host of this name. */
function isFor(patterns: string, name: string): boolean {
  const words = patterns.split(/[ \t]+/);
  const isExcluded = words.some(
    (word) => word.startsWith("!") && matchesPattern(word.slice(1), name),
  );
  return !isExcluded && words.some((word) => matchesPattern(word, name));
}

/**
 * @param of the name of the host that ssh was asked about
 * @param name of a host of the same class
 * @returns undefined: some value is not the same for both
 */
export function forOther(
  { configuration, warnings }: Configured,
  of: string,
  name: string,
): SshConfiguration | undefined {
  const [canonicalize = "no"] = configuration.get("canonicalizehostname") ?? [];
  if (warnings !== "" || !["no", "false"].includes(canonicalize)) return undefined;
  const names = new Map<string, readonly string[]>();
  for (const [key, values] of configuration) {
    const isName = (key === "host" || key === "hostname") && values.join() === of;
    if (isName) names.set(key, [name]);
    else if (values.some((value) => value.includes(of) || value.includes(name))) return undefined;
  }
  return new Renamed(configuration, names);
}

/** A configuration with other names. The rest is shared: a copy for each host would take 12 KB. */
class Renamed implements SshConfiguration {
  readonly #shared: SshConfiguration;
  readonly #names: SshConfiguration;

  constructor(shared: SshConfiguration, names: SshConfiguration) {
    this.#shared = shared;
    this.#names = names;
  }

  get(key: string): readonly string[] | undefined {
    return this.#names.get(key) ?? this.#shared.get(key);
  }

  *[Symbol.iterator](): MapIterator<[string, readonly string[]]> {
    for (const [key, values] of this.#shared) yield [key, this.#names.get(key) ?? values];
  }
}

const numbers = new WeakMap<Lines, number>();
let count = 0;

/** @returns a number that no other lines have */
function numberOf(lines: Lines): number {
  const number = numbers.get(lines) ?? ++count;
  numbers.set(lines, number);
  return number;
}

const programs = new Map<string, boolean>();

/** Whether the first program of that name on the PATH is no script: a script may choose by host. */
function isProgram(name: string): boolean {
  const path = Bun.which(name) ?? "";
  const isKnown = programs.get(path);
  if (isKnown !== undefined) return isKnown;
  let isBinary = false;
  try {
    isBinary = readFileSync(path).subarray(0, 2).toString("latin1") !== "#!";
  } catch {
    // It is missing, or may only be run.
  }
  programs.set(path, isBinary);
  return isBinary;
}
