/**
 * Where the writer of a copy puts what: no path of a record leads out of the destination, whatever the reader says. Folders in it are real ones;
 * a link that is there is not followed, one that is named as the destination is.
 */
import { lstatSync, mkdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { Refusal } from "./disk.ts";
import { expandHome } from "./glob.ts";
import { KEPT_MODE } from "./mode.ts";
import { heard, join, matches, onDisk, parentOf, shown, type WirePath } from "./paths.ts";
import type { WriteOptions } from "./records.ts";

export interface CopiedFolder {
  readonly path: string;
  readonly mode: number;
  /** Undefined: it was there already, and keeps its own. */
  readonly mtime: number | undefined;
}

export class Place {
  /** The destination. */
  readonly path: string;
  /** Whether sources go into it, and are not it. */
  readonly isInto: boolean;
  readonly #names: readonly string[] | undefined;
  readonly #mustBeFolder: boolean;
  /** By path of the record: whether it could be made. */
  readonly #isFolder = new Map<string, boolean>();
  /** Folders that get the mode of their source when all is in them, in the order in which they came. */
  readonly folders: CopiedFolder[] = [];

  constructor(destination: WirePath, options: WriteOptions) {
    const given = heard(destination);
    const path = options.expand ? expandHome(given) : given;
    const plain = path.replace(/\/+$/, "") || path.slice(0, 1) || ".";
    const isFolder = isFolderAt(plain);
    this.isInto = isFolder && options.exact !== true;
    this.path = isFolder || !isLinkAt(plain) ? plain : resolved(plain);
    const isSaid = path.endsWith("/") && options.recursive !== true;
    this.#mustBeFolder = !isFolder && (isSaid || options.into === true);
    this.#names = options.names?.map(heard);
  }

  /** Whether so many sources can go there. */
  takes(sources: number): boolean {
    return !this.#mustBeFolder && (sources <= 1 || this.isInto);
  }

  /** The path on this disk; undefined below a folder that could not be made. @throws {Error} for what leads out of the destination */
  of(record: unknown): string | undefined {
    const path = heard(record);
    const [name = "", ...parts] = path.split("/");
    const isWrong = (part: string) => part === "" || part === "." || part === "..";
    const isKnown = this.#names?.some((known) => name === known || matches(name, known)) ?? true;
    const isName = name !== "" && name !== ".." && isKnown;
    if (!isName || path.includes("\0") || parts.some(isWrong)) {
      throw new Error(`not a path within the destination: ${JSON.stringify(shown(path))}`);
    }
    const base = this.isInto && name !== "." ? join(this.path, name) : this.path;
    if (parts.length === 0) return base;
    const folder = this.#isFolder.get(parentOf(path));
    if (folder === undefined) {
      throw new Error(`not in a folder of this copy: ${JSON.stringify(shown(path))}`);
    }
    return folder ? join(base, parts.join("/")) : undefined;
  }

  /** Make a folder, or take the one that is there. @returns what could not be made. @throws the system's error, or a refusal */
  makeFolder(record: unknown, mode: number, mtime: number): void {
    const key = heard(record);
    const path = this.of(record);
    this.#isFolder.set(key, false);
    if (path === undefined) return;
    const look = path === this.path ? statSync : lstatSync;
    const found = look(onDisk(path), { throwIfNoEntry: false });
    if (found === undefined) {
      mkdirSync(onDisk(path), { mode: (mode & 0o777) | 0o700 });
      this.folders.push({ path, mode, mtime });
    } else if (found.isSymbolicLink()) throw new Refusal("a link, which is not followed");
    else if (!found.isDirectory()) throw new Refusal("Not a directory");
    // The destination of the contents of a folder (`src/.`) is no copy of that folder.
    else if (key !== "." && ((found.mode ^ mode) & KEPT_MODE) !== 0) {
      this.folders.push({ path, mode, mtime: undefined });
    }
    this.#isFolder.set(key, true);
  }
}

/** What is there, if it is nothing that a file must not replace. @throws the system's error, or a refusal */
export function replaceableAt(path: string): Stats | undefined {
  const found = lstatSync(onDisk(path), { throwIfNoEntry: false });
  if (found?.isDirectory()) throw new Refusal("Is a directory");
  if (found === undefined || found.isFile() || found.isSymbolicLink()) return found;
  throw new Refusal("not a regular file");
}

function isFolderAt(path: string): boolean {
  return statusOf(statSync, path)?.isDirectory() === true;
}

function isLinkAt(path: string): boolean {
  return statusOf(lstatSync, path)?.isSymbolicLink() === true;
}

/** Undefined for what cannot be looked at: writing it will say why. */
function statusOf(look: typeof lstatSync, path: string): Stats | undefined {
  try {
    return look(onDisk(path), { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Where a link leads; itself if that is nowhere. */
function resolved(path: string): string {
  try {
    return realpathSync(onDisk(path), { encoding: "buffer" }).toString("latin1");
  } catch {
    return path;
  }
}
