/**
 * Runs in the master and, joined by scripts/shared-modules.ts, in JavaScript slaves.
 *
 * Maps the path of a record to a path on this disk. No record leads out of the destination,
 * whatever the reader sends. A link that is the destination is followed; a link within it is not.
 */
import { lstatSync, mkdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { FileProblem } from "./disk.ts";
import { expandHome } from "./glob.ts";
import { KEPT_MODE } from "./mode.ts";
import { display, fromWire, join, matches, onDisk, parentOf, type WirePath } from "./paths.ts";
import type { WriteOptions } from "./records.ts";

interface CopiedFolder {
  readonly path: string;
  readonly mode: number;
  /** Seconds since 1970; undefined for a folder that was there before, which keeps its time. */
  readonly mtime: number | undefined;
}

export class Destination {
  /** The path of the destination. */
  readonly path: string;
  /** Whether sources go into the destination; otherwise the source gets its name. */
  readonly isInto: boolean;
  readonly #names: readonly string[] | undefined;
  readonly #mustBeFolder: boolean;
  /** By the path in the record: whether the folder is there. False if it could not be made. */
  readonly #isFolder = new Map<string, boolean>();
  /** By the path in the record: folders that were made here. Nothing is in them but this copy's. */
  readonly #made = new Set<string>();
  /** Folders that get the mode of their source once they are filled, in order of arrival. */
  readonly folders: CopiedFolder[] = [];

  constructor(destination: WirePath, options: WriteOptions) {
    const given = fromWire(destination);
    const path = options.expand ? expandHome(given) : given;
    const plain = path.replace(/\/+$/, "") || path.slice(0, 1) || ".";
    const isFolder = isFolderAt(plain);
    this.isInto = isFolder && options.exact !== true;
    this.path = isFolder || !isLinkAt(plain) ? plain : resolved(plain);
    const namesFolder = path.endsWith("/") && options.recursive !== true;
    this.#mustBeFolder = !isFolder && (namesFolder || options.into === true);
    this.#names = options.names?.map(fromWire);
  }

  /** Whether this number of sources can be copied there. */
  takes(sources: number): boolean {
    return !this.#mustBeFolder && (sources <= 1 || this.isInto);
  }

  /** @returns why several sources cannot be copied there: the system's error, or a `FileProblem` */
  refusal(): unknown {
    try {
      statSync(onDisk(this.path));
      return new FileProblem("Not a directory");
    } catch (error) {
      return error;
    }
  }

  /**
   * The path on this disk for a path of a record.
   *
   * @returns undefined below a folder that could not be made
   * @throws {Error} if the record leads out of the destination
   */
  of(record: unknown): string | undefined {
    const path = fromWire(record);
    const [name = "", ...parts] = path.split("/");
    const isWrong = (part: string) => part === "" || part === "." || part === "..";
    const isKnown = this.#names?.some((known) => name === known || matches(name, known)) ?? true;
    const isName = name !== "" && name !== ".." && isKnown;
    if (!isName || path.includes("\0") || parts.some(isWrong)) {
      throw new Error(`not a path within the destination: ${JSON.stringify(display(path))}`);
    }
    const base = this.isInto && name !== "." ? join(this.path, name) : this.path;
    if (parts.length === 0) return base;
    const folder = this.#isFolder.get(parentOf(path));
    if (folder === undefined) {
      throw new Error(`not in a folder of this copy: ${JSON.stringify(display(path))}`);
    }
    return folder ? join(base, parts.join("/")) : undefined;
  }

  /** Whether the file of a record goes into a folder that this copy has made. */
  isInNewFolder(record: unknown): boolean {
    return this.#made.has(parentOf(fromWire(record)));
  }

  /**
   * Makes a folder, or uses the one that is there.
   *
   * @throws the system's error, or a `FileProblem` if something else has that name
   */
  makeFolder(record: unknown, mode: number, mtime: number): void {
    const key = fromWire(record);
    const path = this.of(record);
    this.#isFolder.set(key, false);
    if (path === undefined) return;
    const look = path === this.path ? statSync : lstatSync;
    let found = look(onDisk(path), { throwIfNoEntry: false });
    // Another copy to the same place may make the folder after this look. It is then examined.
    if (found === undefined && !isMade(path, mode)) found = lstatSync(onDisk(path));
    if (found === undefined) {
      this.folders.push({ path, mode, mtime });
      this.#made.add(key);
    } else if (found.isSymbolicLink()) throw new FileProblem("a link, which is not followed");
    else if (!found.isDirectory()) throw new FileProblem("Not a directory");
    // With `src/.`, only the content is copied, so the destination keeps its own mode.
    else if (key !== "." && ((found.mode ^ mode) & KEPT_MODE) !== 0) {
      this.folders.push({ path, mode, mtime: undefined });
    }
    this.#isFolder.set(key, true);
  }
}

/**
 * Makes a folder that its owner can fill, whatever its final mode.
 *
 * @returns false if something has that name already
 * @throws the system's error
 */
function isMade(path: string, mode: number): boolean {
  try {
    mkdirSync(onDisk(path), { mode: (mode & 0o777) | 0o700 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  }
}

/**
 * The file or link that a copied file replaces; undefined if the path is free.
 *
 * @throws the system's error, or a `FileProblem` for a folder, a device and the like
 */
export function replaceableAt(path: string): Stats | undefined {
  const found = lstatSync(onDisk(path), { throwIfNoEntry: false });
  if (found?.isDirectory()) throw new FileProblem("Is a directory");
  if (found === undefined || found.isFile() || found.isSymbolicLink()) return found;
  throw new FileProblem("not a regular file");
}

function isFolderAt(path: string): boolean {
  return statusOf(statSync, path)?.isDirectory() === true;
}

function isLinkAt(path: string): boolean {
  return statusOf(lstatSync, path)?.isSymbolicLink() === true;
}

/** Undefined also for a path that cannot be examined: writing to it will say why. */
function statusOf(look: typeof lstatSync, path: string): Stats | undefined {
  try {
    return look(onDisk(path), { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** The path that a link leads to; the link's own path if that does not exist. */
function resolved(path: string): string {
  try {
    return realpathSync(onDisk(path), { encoding: "buffer" }).toString("latin1");
  } catch {
    return path;
  }
}
