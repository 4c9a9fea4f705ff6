/**
 * The words of `econtext cp`: a local path, a path of a target, or standard input or output. Knows
 * no context.
 */
import { Usage } from "./report-error.ts";

export interface CopyPlace {
  /** Undefined: a path of this machine. */
  readonly target: string | undefined;
  readonly path: string;
}

/** Standard input or output. */
export const STANDARD = "-";

/**
 * As in scp, a colon before any slash ends a target, or several with commas; `./a:b` is a file.
 *
 * @throws {Usage}
 */
export function readPlaces(word: string): CopyPlace[] {
  if (word === "") throw new Usage("cp", "an empty word names no file");
  const [, url, rest] = /^(ssh:\/\/[^/]*?[^/:](?::\d+)?):((?!\d+(?::|$))[\s\S]*)$/.exec(word) ?? [];
  if (url !== undefined) return [{ target: url, path: rest === "" ? "." : (rest ?? ".") }];
  const [, targets, path] = /^((?:[^/:[\]]*@)?\[[^\]/]*\]|[^/:]+):([\s\S]*)$/.exec(word) ?? [];
  if (targets === undefined) return [{ target: undefined, path: word }];
  const names = targets.split(",");
  if (names.includes("")) throw new Usage("cp", `a TARGET is missing: ${word}`);
  // ssh itself takes an IPv6 address without brackets.
  return [...new Set(names)].map((name) => ({
    target: name.replace(/[[\]]/g, ""),
    path: path === "" ? "." : (path ?? "."),
  }));
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
