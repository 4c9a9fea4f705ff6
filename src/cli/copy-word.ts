/**
 * The words of `econtext cp`: a local path, a path of a target, or standard input or output. Knows
 * no context.
 */
import { SCHEMES } from "../transports/registry.ts";
import type { Schemes } from "../transports/word.ts";
import { Usage } from "./report-error.ts";

export interface CopyPlace {
  /** Undefined: a path of this machine. */
  readonly target: string | undefined;
  readonly path: string;
}

/** A word of the command line. */
export interface CopyWord {
  /** The set of its targets. Undefined: a path of this machine. */
  readonly targets: string | undefined;
  readonly path: string;
}

/** What a word may mean on this machine. */
export interface PathReading {
  readonly schemes?: Schemes;
  /** Whether a path of this machine is the path of a folder. Default: none is. */
  readonly isFolder?: (path: string) => boolean;
}

/** Standard input or output. */
export const STANDARD = "-";

/** A character of a target, or what stands in brackets, braces and quotes. */
const UNIT = String.raw`(?:[^/:,!&^[\]{}"']|\[[^\]]*\]|\{[^}]*\}|"[^"]*"|'[^']*')`;

/** @returns finds targets and path. A target may be empty here, to be refused by name. */
function placePattern(schemes: Schemes): RegExp {
  const ofSchemes = [...schemes.values()].flatMap(({ scheme, destination }) => {
    if (destination === undefined) return [];
    // Some destinations have parts, with colons between.
    const colons = (destination.parts?.length ?? 1) - 1;
    return `${scheme}:(?:${UNIT}+:){0,${colons}}${UNIT}+(?=[:/,!&^])`;
  });
  // What stands between the slashes of a target, with the colons that belong to it.
  const word = [
    // The digits of a port are no path.
    String.raw`ssh://${UNIT}+(?::\d+(?=[:/,!&^]))?`,
    ...ofSchemes,
    `ssh:${UNIT}+(?=[:/,!&^])`,
    `${UNIT}+`,
  ].join("|");
  const target = `(?:${word})(?:/(?:${word}))*`;
  return new RegExp(`^((?:${target})?(?:[,!&^](?:${target})?)*):([^]*)$`);
}

/**
 * As in scp, a colon ends a target, or a set of them; `./a:b` is a file. A target may be a path, as
 * in `bastion/web1:FILE`, unless its first word is a folder of this machine.
 *
 * @throws {Usage}
 */
export function readCopyWord(
  word: string,
  { schemes = SCHEMES, isFolder = () => false }: PathReading = {},
): CopyWord {
  if (word === "") throw new Usage("cp", "an empty word names no file");
  const here = { targets: undefined, path: word };
  if (/^[./~]/.test(word)) return here;
  const [, targets, path = ""] = placePattern(schemes).exec(word) ?? [];
  if (targets === undefined || targets === "") return here;
  if (/^ssh:\/\/[^/]*$/.test(targets) && /^\d+(?:\/|$)/.test(path)) {
    throw new Usage("cp", `a path is missing: ${portOf(word)}:PATH`);
  }
  // What follows may be the destination of the last word, and the path is missing then.
  const last = targets.split("/").at(-1) ?? "";
  const isCut = schemes.get(last)?.destination && path !== "" && !path.includes("/");
  if (isCut) throw new Usage("cp", `write ${word}:PATH, or for a file ${targets}:./${path}`);
  const [first = ""] = targets.split("/");
  if (/^[^:]*\//.test(targets) && isFolder(first)) return here;
  return { targets, path: path === "" ? "." : path };
}

/** @returns the name as `connect` takes it: ssh takes an IPv6 address without brackets */
export function withoutBrackets(name: string): string {
  return name.startsWith("ssh://") ? name : name.replace(/[[\]]/g, "");
}

/** @returns `ssh://HOST:PORT` of a word that goes on with a slash */
function portOf(word: string): string {
  return /^ssh:\/\/[^/]*/.exec(word)?.[0] ?? word;
}

/** Sources of one target that are copied together. */
export interface CopyGroup {
  readonly target: string | undefined;
  readonly paths: readonly string[];
}

/** @param inOrder only sources that follow one another may come together */
export function groupPlaces(sources: readonly CopyPlace[], inOrder: boolean): CopyGroup[] {
  const groups: { target: string | undefined; paths: string[] }[] = [];
  for (const { target, path } of sources) {
    const candidates = inOrder ? groups.slice(-1) : groups;
    const group = candidates.find((one) => one.target === target);
    if (group === undefined) groups.push({ target, paths: [path] });
    else group.paths.push(path);
  }
  return groups;
}

/** @returns the folder in which `--by-host` keeps the files of a target */
export function folderOf(target: string): string {
  const name = target.replace(/^ssh:\/\//, "").replace(/[/\0]/g, "_");
  return /^\.{1,2}$/.test(name) ? `_${name}` : name;
}
