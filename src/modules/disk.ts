/**
 * Looks at files and folders, and notes each look with what it gave. With these notes a later run
 * can tell that it would find the same, without reading a file. Knows no module.
 */
import { readFileSync, type Stats, statSync } from "node:fs";
import { realpath } from "./roots.ts";

export type Kind = "file" | "folder";

/** What was looked at, and what was seen there: "" for nothing. */
export type Look = readonly [what: "kind" | "real" | "stamp", path: string, seen: string];

/** The most paths that are remembered, because a slave may ask for any number. */
const MAX_KNOWN = 50_000;
const MAX_LOOKS = 100_000;
/**
 * A file that was changed so recently could change once more without another time: file systems
 * count in steps, the coarsest in steps of 2 seconds.
 */
const RECENT_MS = 2500;

export class Disk {
  readonly #kinds = new Map<string, Kind | undefined>();
  readonly #reals = new Map<string, string>();
  readonly #looks: Look[] = [];
  #isReliable = true;

  /** The looks so far. A part of them is everything that was seen in the meantime. */
  get looks(): readonly Look[] {
    return this.#looks;
  }

  /** Whether equal looks mean equal files. */
  get isReliable(): boolean {
    return this.#isReliable;
  }

  /** Each path is looked up once, because the resolver asks for the same ones again and again. */
  kind(path: string): Kind | undefined {
    if (this.#kinds.has(path)) return this.#kinds.get(path);
    const kind = kindOf(path);
    this.#note("kind", path, kind ?? "");
    if (this.#kinds.size < MAX_KNOWN) this.#kinds.set(path, kind);
    return kind;
  }

  /** The path without links; undefined if nothing exists there. */
  real(path: string): string | undefined {
    const known = this.#reals.get(path);
    if (known !== undefined) return known;
    const real = realpath(path);
    this.#note("real", path, real ?? "");
    if (real !== undefined && this.#reals.size < MAX_KNOWN) this.#reals.set(path, real);
    return real;
  }

  /** The content of a file; undefined if it is larger than `most`. @throws if it is unreadable */
  read(path: string, most: number): Buffer | undefined {
    // Before the content is read: what changes it meanwhile changes the stamp, too.
    const info = statSync(path);
    this.#note("stamp", path, stampOf(info));
    if (Date.now() - info.ctimeMs < RECENT_MS) this.#isReliable = false;
    return info.size > most ? undefined : readFileSync(path);
  }

  #note(...look: Look): void {
    if (this.#looks.length < MAX_LOOKS) this.#looks.push(look);
    else this.#isReliable = false;
  }
}

/** Whether a look gives now what it gave then. */
export function isUnchanged([what, path, seen]: Look): boolean {
  if (what === "kind") return (kindOf(path) ?? "") === seen;
  if (what === "real") return (realpath(path) ?? "") === seen;
  const info = lookAt(path);
  return info !== undefined && stampOf(info) === seen;
}

/**
 * Changes with each change of a file. A program can give a file any time of modification, but not
 * the time of its last change (ctime).
 */
function stampOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return [dev, ino, size, mtimeMs, ctimeMs].join(" ");
}

function kindOf(path: string): Kind | undefined {
  const info = lookAt(path);
  return info?.isFile() ? "file" : info?.isDirectory() ? "folder" : undefined;
}

function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // The path is a circle of links, or in a folder that cannot be entered.
  }
}
