/**
 * From the words of `econtext cp` to copies from one place to another. Contradictions are refused
 * before the first copy begins.
 */
import { join } from "node:path";
import {
  type CopyGroup,
  type CopyPlace,
  folderOf,
  groupPlaces,
  type PathReading,
  readCopyWord,
  STANDARD,
  withoutBrackets,
} from "./copy-word.ts";
import { Usage } from "./report-error.ts";

export interface Copy {
  readonly from: CopyGroup;
  readonly to: CopyPlace;
}

export interface CopyPlan {
  /** Each target once. */
  readonly targets: readonly string[];
  readonly copies: readonly Copy[];
  /** The destination must be a folder, because there are several sources. */
  readonly into: boolean;
  /** The destination is made if it does not exist, and removed again if it stays empty. */
  readonly makesFolders: boolean;
}

export interface WordReading extends PathReading {
  /** Finds the names of a set. */
  readonly expand: (set: string) => Promise<readonly string[]>;
}

/** @throws {Usage} */
export async function planCopies(
  words: readonly string[],
  last: string,
  byHost: boolean,
  reading: WordReading,
): Promise<CopyPlan> {
  const places = await Promise.all([...words, last].map((word) => placesOf(word, reading)));
  const destinations = places.pop() ?? [];
  const sources = places.flat();
  const [to = { target: undefined, path: last }] = destinations;
  const isOutput = isStandard(to);
  if (to.target === undefined && sources.some(({ target }) => target === undefined)) {
    throw new Usage(
      "cp",
      "SRC and DST are both on this machine; a path of a target is TARGET:PATH, such as web1:/srv",
    );
  }
  if (byHost && (to.target !== undefined || isOutput)) {
    throw new Usage("cp", "--by-host needs a folder here as DST");
  }
  if (sources.some(isStandard)) {
    if (sources.length > 1) throw new Usage("cp", "- (standard input) must be the only SRC");
    if (isFolderName(to.path)) {
      throw new Usage(
        "cp",
        `${last} is a folder: give the name of the file, such as ${fileIn(last)}`,
      );
    }
  }
  if (!isOutput) refuseSameNames(sources, byHost);
  const groups = groupPlaces(sources, isOutput);
  const copies = destinations.flatMap((place) =>
    groups.map((from) => ({
      from,
      to: byHost ? { ...place, path: join(place.path, folderOf(from.target ?? "")) } : place,
    })),
  );
  const targets = [...sources, ...destinations].flatMap(({ target }) => target ?? []);
  const into = byHost || (sources.length > 1 && !isOutput);
  return { targets: [...new Set(targets)], copies, into, makesFolders: byHost };
}

async function placesOf(word: string, { expand, ...reading }: WordReading): Promise<CopyPlace[]> {
  const { targets, path } = readCopyWord(word, reading);
  if (targets === undefined) return [{ target: undefined, path }];
  const names = await expand(targets);
  return names.map((name) => ({ target: withoutBrackets(name), path }));
}

/**
 * Files that patterns and folders of one target hold are known only where they are read, and same
 * names among them are refused there.
 *
 * @throws {Usage}
 */
function refuseSameNames(sources: readonly CopyPlace[], byHost: boolean): void {
  const seen = new Map<string, CopyPlace>();
  for (const source of sources) {
    const [, last = ""] = /([^/]*)\/*$/.exec(source.path) ?? [];
    // `FOLDER/.` stands for the files in the folder.
    const name = ["", ".."].includes(last) ? "." : last;
    const isVague = name === "." || (source.target !== undefined && /[*?[]/.test(name));
    const key = byHost ? `${source.target}\0${name}` : name;
    const other = seen.get(key);
    seen.set(key, source);
    const isElsewhere = other?.target !== source.target;
    if (other === undefined || (isVague && !isElsewhere)) continue;
    const hint = isElsewhere ? "; --by-host makes a folder for each host" : "";
    throw new Usage("cp", `${shown(other)} and ${shown(source)} would overwrite each other${hint}`);
  }
}

function shown({ target, path }: CopyPlace): string {
  return target === undefined ? path : `${target}:${path}`;
}

export function isStandard({ target, path }: CopyPlace): boolean {
  return target === undefined && path === STANDARD;
}

/** @returns whether a path can only be the path of a folder */
function isFolderName(path: string): boolean {
  return /(?:^|\/)(?:\.{0,2}|~)$/.test(path);
}

function fileIn(word: string): string {
  return word.endsWith("/") || word.endsWith(":") ? `${word}NAME` : `${word}/NAME`;
}
