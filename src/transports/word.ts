/**
 * One word of a path: text ↔ scheme, destination and options.
 *
 *     sudo   sudo:root   podman:app?user=www&cwd=%2Fsrv   unshare?ns=mount+net
 *     web1   user@web1   ssh://user@web1:2222   ssh:sudo
 *
 * Only the schemes of the registry are schemes: any other word is a destination of ssh. A slash is
 * written `%2F`.
 */
import type { TransportData } from "./data.ts";

/** What a word says. */
export interface Word {
  readonly scheme: string;
  readonly destination: string;
  readonly options: Readonly<Record<string, string>>;
}

/** Why a word cannot be read, and where. */
export class WordError extends Error {
  /** Characters before the place in the word. */
  readonly at: number;
  readonly hint: string | undefined;

  constructor(message: string, at: number, hint?: string) {
    super(message);
    this.at = at;
    this.hint = hint;
  }
}

export type Schemes = ReadonlyMap<string, TransportData>;

export const SSH = "ssh";
export const LOCAL = "local";
const MAX_PORT = 65_535;

/** @throws {WordError} and what is wrong with the user's definition of the scheme */
export function parseWord(text: string, schemes: Schemes): Word {
  if (text === LOCAL) return { scheme: LOCAL, destination: LOCAL, options: {} };
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9-]*)((?:[:?].*)?)$/su.exec(text) ?? [];
  const problem = schemes.get(/^[^:?]*/.exec(text)?.[0] ?? "")?.problem;
  if (problem !== undefined) throw problem;
  const data = schemes.get(scheme);
  if (data === undefined || (rest === "" && !canStandAlone(data))) return sshWord(text);
  return dataWord(text, data);
}

/** Whether the scheme alone is a word. If not, a host may have the scheme's name. */
function canStandAlone({ destination }: TransportData): boolean {
  return destination === undefined || destination.default !== undefined;
}

/** A destination goes to ssh as it is, but for `%2F`; ssh itself decodes `ssh://…`. */
function sshWord(text: string): Word {
  const isUri = text.startsWith("ssh://");
  const start = text.startsWith("ssh:") ? (isUri ? 6 : 4) : 0;
  const name = isUri ? text.slice(start) : decodeSlashes(text.slice(start));
  check(name, text, start, /[\s\p{Cc}]/u, "the name of a host has no spaces");
  if (isUri) checkPort(text);
  return { scheme: SSH, destination: isUri ? text : name, options: {} };
}

/** @throws {WordError} ssh would print its usage for such a port, and no reason */
function checkPort(text: string): void {
  const [, before = "", port = ""] = /^(.*[^:]):([^:@/\]]+)$/su.exec(text) ?? [];
  const isPort = /^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= MAX_PORT;
  if (before === "" || isPort) return;
  const hint = `a port is a number from 1 to ${MAX_PORT}`;
  throw new WordError(`${JSON.stringify(port)} is no port`, before.length + 1, hint);
}

function dataWord(text: string, data: TransportData): Word {
  const { scheme, destination: rule } = data;
  const mark = text.indexOf("?");
  const end = mark < 0 ? text.length : mark;
  const start = Math.min(scheme.length + 1, end);
  let destination = decode(text.slice(start, end), start);
  if (rule === undefined && destination !== "") {
    throw new WordError(`nothing follows "${scheme}"`, start, `write ${scheme}`);
  }
  if (rule !== undefined) {
    if (destination === "") destination = rule.default ?? "";
    if (destination === "") {
      const hint = `write ${rule.example}; a slash is written %2F`;
      throw new WordError(`a ${rule.noun} is missing after "${scheme}:"`, start, hint);
    }
    check(destination, text, start, /\p{Cc}/u, "control characters are not allowed");
    if (rule.isFolder === true) checkFolder(destination, start, rule.example);
  }
  partsOf(data, destination, start);
  const options = mark < 0 ? {} : parseOptions(text, mark + 1, data);
  return { scheme, destination, options };
}

/**
 * @returns the named parts of a destination, for the argument vector
 * @throws {WordError} it has too many parts
 */
export function partsOf(
  { destination: rule, scheme }: TransportData,
  destination: string,
  at = 0,
): Readonly<Record<string, string>> {
  if (rule?.parts === undefined) return {};
  const parts = destination.split(destination.includes(":") ? ":" : "/");
  const names = rule.parts[parts.length - 1];
  if (names === undefined || parts.includes("")) {
    throw new WordError(`not a ${rule.noun} of ${scheme}`, at, `write ${rule.example}`);
  }
  return Object.fromEntries(names.map((name, index) => [name, parts[index] ?? ""]));
}

function parseOptions(text: string, from: number, data: TransportData): Record<string, string> {
  const known = data.options ?? {};
  const options: Record<string, string> = {};
  let at = from;
  for (const pair of text.slice(from).split("&")) {
    const equals = pair.indexOf("=");
    const name = equals < 0 ? pair : pair.slice(0, equals);
    if (!Object.hasOwn(known, name)) {
      throw new WordError(`${data.scheme} has no option ${JSON.stringify(name)}`, at, have(known));
    }
    const start = at + name.length + 1;
    const value = equals < 0 ? "" : decode(pair.slice(equals + 1), start);
    checkOption(data, name, value, text, start);
    options[name] = value;
    at += pair.length + 1;
  }
  return options;
}

function have(known: object): string {
  const names = Object.keys(known);
  return names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
}

/** @throws {WordError} */
export function checkOption(
  { options = {} }: Pick<TransportData, "options"> = {},
  name: string,
  value: string,
  text: string,
  at: number,
): void {
  if (value === "") {
    const hint = `write ${name}=VALUE; a slash in it is written %2F: ${name}=${FOLDER}`;
    throw new WordError(`a value of ${name} is missing`, Math.min(at, text.length), hint);
  }
  check(value, text, Math.min(at, text.length), /\p{Cc}/u, "control characters are not allowed");
  const { words, isFolder = false } = options[name] ?? {};
  if (isFolder) checkFolder(value, Math.min(at, text.length), `${name}=${FOLDER}`);
  if (words === undefined) return;
  const unknown = value.split("+").find((one) => !Object.hasOwn(words, one));
  if (unknown === undefined) return;
  const hint = `write some of ${Object.keys(words).join(", ")}, with + between`;
  throw new WordError(`${name} cannot be ${JSON.stringify(unknown)}`, at, hint);
}

/** An example for messages. */
const FOLDER = "%2Fsrv%2Fwww";

function checkFolder(value: string, at: number, example: string): void {
  if (value.startsWith("/")) return;
  const hint = `write the whole folder, and each slash as %2F: ${example}`;
  throw new WordError("a folder begins with a slash, which is written %2F", at, hint);
}

/** A value with a leading dash would be an option of the program. */
function check(value: string, text: string, at: number, bad: RegExp, problem: string): void {
  if (value === "") throw new WordError("a name is missing", at);
  if (value.startsWith("-")) throw new WordError("a name cannot begin with a dash", at);
  if (bad.test(value)) throw new WordError(problem, Math.max(at, text.search(bad)));
}

/** @throws {WordError} a percent sign stands for no character */
function decode(text: string, at: number): string {
  try {
    return decodeURIComponent(text);
  } catch {
    const bad = text.search(/%(?![0-9a-f]{2})/i);
    throw new WordError("a % stands for no character", at + Math.max(bad, 0), "write %25 for a %");
  }
}

/** @returns the text of a word: the same for each way of writing it */
export function formatWord({ scheme, destination, options }: Word, schemes: Schemes): string {
  if (scheme === LOCAL) return LOCAL;
  if (scheme === SSH) return formatSsh(destination, schemes);
  const hasPlace = schemes.get(scheme)?.destination !== undefined;
  const place = hasPlace ? `:${encode(destination)}` : "";
  const pairs = Object.entries(options)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${encode(value)}`);
  return `${scheme}${place}${pairs.length > 0 ? "?" : ""}${pairs.join("&")}`;
}

/** A host that has the name of a scheme is written `ssh:NAME`. */
function formatSsh(destination: string, schemes: Schemes): string {
  if (/^ssh:\/\/[^/]+$/.test(destination)) return destination;
  const text = encodeSlashes(destination);
  const isPlain = destination !== LOCAL && !destination.startsWith("ssh:") && isSsh(text, schemes);
  return isPlain ? text : `ssh:${text}`;
}

function isSsh(text: string, schemes: Schemes): boolean {
  try {
    return parseWord(text, schemes).scheme === SSH;
  } catch {
    return false;
  }
}

/** What has a meaning in a path. */
const encode = (text: string): string => text.replaceAll(/[%/?&]/g, encodeURIComponent);

/**
 * Addresses such as `fe80::1%25eth0` must stay what they are, so `%2F` alone stands for another
 * character. `%252F` is a literal `%2F`.
 */
const encodeSlashes = (text: string): string =>
  text.replaceAll(/%(?=(?:25)*2f)/gi, "%25").replaceAll("/", "%2F");
const decodeSlashes = (text: string): string =>
  text.replaceAll(/%((?:25)*)2(f)/gi, (_all, more: string, f: string) =>
    more === "" ? "/" : `%${more.slice(2)}2${f}`,
  );
