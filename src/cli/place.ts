/** What a word of `econtext cp` names: a path here, one of a target, or our own input or output. Knows no context. */
import { Usage } from "./exit.ts";

export interface CopyPlace {
  /** Undefined: here. */
  readonly target: string | undefined;
  readonly path: string;
}

/** Our standard input or output. */
export const STANDARD = "-";

/** As scp takes it: a colon before any slash ends a target; `./a:b` is a file. @throws {Usage} */
export function readPlace(word: string): CopyPlace {
  if (word === "") throw new Usage("cp", "an empty word names no file");
  const [, url, rest] = /^(ssh:\/\/[^/]*?[^/:](?::\d+)?):((?!\d+(?::|$))[\s\S]*)$/.exec(word) ?? [];
  if (url !== undefined) return { target: url, path: rest === "" ? "." : (rest ?? ".") };
  const [, target, path] = /^((?:[^/:[\]]*@)?\[[^\]/]*\]|[^/:]+):([\s\S]*)$/.exec(word) ?? [];
  if (target === undefined) return { target: undefined, path: word };
  // ssh itself takes an IPv6 address without brackets.
  return { target: target.replace(/[[\]]/g, ""), path: path === "" ? "." : (path ?? ".") };
}

/** Consecutive sources of one target, which are copied together. */
export function groupPlaces(sources: readonly CopyPlace[]): CopyGroup[] {
  const groups: { target: string | undefined; paths: string[] }[] = [];
  for (const { target, path } of sources) {
    const last = groups.at(-1);
    if (last !== undefined && last.target === target) last.paths.push(path);
    else groups.push({ target, paths: [path] });
  }
  return groups;
}

export interface CopyGroup {
  readonly target: string | undefined;
  readonly paths: readonly string[];
}
