/**
 * What a context was sent for one module, kept as it was sent: at first what the module needs to
 * run, then what its functions asked for. The next context gets all of that at once, and a later
 * run of the program need not read, resolve and compress it again.
 *
 * Each part of a recording lists the looks at the disk that it is based on. It is used only if each
 * of them gives the same today.
 */
import type { CacheFolder } from "../cache-folder.ts";
import { type Disk, isUnchanged, type Look } from "../disk.ts";
import { readEntry } from "../transform-cache.ts";
import type { Bundle } from "./records.ts";

/** Modules that were sent together. */
export interface Part {
  /** Their names, and the key of each in the transform cache; "" if it was not transformed. */
  readonly modules: readonly (readonly [name: string, key: string])[];
  /** Names of modules that were imported as text. */
  readonly texts: readonly string[];
  /** What the specifiers in the modules lead to. */
  readonly targets: readonly string[];
  /** The modules of the second tier that they need. */
  readonly tiers: readonly string[];
  /** Their records, as they were sent. */
  readonly bundle: Bundle;
}

/** What is kept in JSON; the bundle follows it. */
interface KeptPart extends Omit<Part, "bundle"> {
  readonly length: number;
  readonly looks: readonly Look[];
}

const MAX_MODULES = 2000;
/** The most bytes of bundles in all parts. Another run may not need what functions asked for. */
const MAX_BYTES = 8 * 1024 * 1024;

export class Recording {
  readonly #module: string;
  readonly #key: string;
  readonly #disk: Disk;
  /** Undefined if nothing is kept between runs. */
  readonly #folder: CacheFolder | undefined;
  readonly #parts: Part[];
  #isTaken = false;
  #isKept = true;
  /** How many looks at the disk the kept parts list. */
  #listed = 0;

  /** @param key the name of the file that keeps the recording */
  constructor(module: string, key: string, disk: Disk, folder?: CacheFolder) {
    this.#module = module;
    this.#key = key;
    this.#disk = disk;
    this.#folder = folder;
    this.#parts = this.#restore();
  }

  get parts(): readonly Part[] {
    return this.#parts;
  }

  /** One context adds to a recording: the first. @returns whether this is the first */
  take(): boolean {
    const isFirst = !this.#isTaken;
    this.#isTaken = true;
    return isFirst;
  }

  /** Adds what the context that has taken the recording was sent. */
  add(part: Part): void {
    const all = [...this.#parts, part];
    const modules = all.reduce((sum, { modules }) => sum + modules.length, 0);
    const bytes = all.reduce((sum, { bundle }) => sum + bundle.length, 0);
    const isLarge = modules > MAX_MODULES || bytes > MAX_BYTES;
    if (isLarge && this.#parts.length > 0) return;
    this.#parts.push(part);
    // A later part needs the earlier ones.
    this.#isKept &&= this.#disk.isReliable;
    if (this.#isKept) this.#keep(part);
  }

  #keep({ bundle: { bytes, length }, ...part }: Part): void {
    const looks = this.#disk.looks.slice(this.#listed);
    this.#listed += looks.length;
    const head = JSON.stringify({ ...part, length, looks });
    const piece = Buffer.concat([Buffer.from(`${head}\n`), bytes]);
    if (this.#parts.length === 1) this.#folder?.write(this.#key, [piece]);
    else this.#folder?.append(this.#key, piece);
  }

  /** The kept parts that are still right. The others are removed. */
  #restore(): Part[] {
    const pieces = this.#folder?.read(this.#key) ?? [];
    const parts: Part[] = [];
    for (const piece of pieces) {
      const part = partOf(piece);
      if (part === undefined) break;
      parts.push(part);
    }
    if (parts[0]?.modules.every(([name]) => name !== this.#module)) return [];
    // The first part is replaced when it is made again.
    const isPartly = parts.length > 0 && parts.length < pieces.length;
    if (isPartly) this.#folder?.write(this.#key, pieces.slice(0, parts.length));
    return parts;
  }
}

/** @returns undefined if something has changed since, or if the piece holds no part */
function partOf(piece: Buffer): Part | undefined {
  const kept = readEntry<KeptPart>(piece, ["modules", "texts", "targets", "tiers", "looks"]);
  if (!kept?.head.looks.every(isUnchanged)) return undefined;
  const { length, looks: _, ...part } = kept.head;
  return { ...part, bundle: { bytes: kept.bytes, length } };
}
