/**
 * Keeps transformed modules on disk by the hash of their content, so that the second run of a
 * program transforms nothing. A kept module is sent and run unchecked, so only the user may be able
 * to write to the folder. A damaged entry is made again.
 */
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { transformVersion } from "../../scripts/transform-version.ts" with { type: "macro" };
import type { Request } from "./javascript/requests.ts";
import type { Format } from "./javascript/transform.ts";
import type { Packed } from "./packed.ts";

/** The text of a module as it is sent, and the modules that it asks for. */
export interface CachedModule {
  readonly format: Format;
  readonly requests: readonly Request[];
  /** The first 16 hexadecimal digits of the text's SHA-256. */
  readonly hash: string;
  /** The text as JSON, compressed. */
  readonly source: Packed;
}

const VERSION: string = transformVersion();
const DAY_MS = 24 * 3600 * 1000;
/** An entry that was not used for this time is removed. */
const KEPT_MS = 30 * DAY_MS;

export class TransformCache {
  readonly #root: string;
  readonly #folder: string;
  /** Whether only this user can have written the entries in the folder. */
  #isReadable: boolean;
  #isWritable: boolean;
  #isPrepared = false;

  /** @param root default: `$XDG_CACHE_HOME/econtext`, or `~/.cache/econtext` */
  constructor(root: string | undefined = defaultRoot()) {
    this.#root = root ?? "";
    this.#folder = join(this.#root, `javascript-${VERSION}`);
    const owned = root === undefined ? [false] : [this.#root, this.#folder].map(isOwn);
    this.#isReadable = owned.every((one) => one === true);
    // A folder that does not exist yet will be made by the user's own process.
    this.#isWritable = !owned.includes(false);
  }

  /** The key of an entry. @param parts everything that the result depends on */
  static key(...parts: readonly (string | Uint8Array)[]): string {
    const hasher = new Bun.CryptoHasher("sha256");
    for (const part of parts) hasher.update(`${part.length}\0`).update(part);
    return hasher.digest("hex");
  }

  get(key: string): CachedModule | undefined {
    if (!this.#isReadable) return undefined;
    try {
      const file = readFileSync(this.#path(key));
      const [sum, entry] = splitLine(file);
      if (sum.toString() !== sumOf(entry)) return undefined;
      const [head, bytes] = splitLine(entry);
      const { adler, length, ...made } = JSON.parse(head.toString());
      this.#touch(this.#path(key));
      return { ...made, source: { bytes, length, adler } };
    } catch {
      return undefined; // The entry is missing or damaged.
    }
  }

  /** Keeps a module. If that fails, the module is made again in the next run. */
  put(key: string, { source, ...made }: CachedModule): void {
    if (!this.#isWritable) return;
    const { bytes, length, adler } = source;
    const head = JSON.stringify({ ...made, length, adler });
    const entry = Buffer.concat([Buffer.from(`${head}\n`), bytes]);
    const path = this.#path(key);
    const part = `${path}.${process.pid}`;
    try {
      this.#prepare();
      const file = Buffer.concat([Buffer.from(`${sumOf(entry)}\n`), entry]);
      writeFileSync(part, file, { mode: 0o600 });
      renameSync(part, path);
    } catch {
      // The disk is full or read-only, or the folder is another user's: keep nothing in this run.
      this.#isWritable = false;
      try {
        rmSync(part);
      } catch {}
    }
  }

  #path(key: string): string {
    return join(this.#folder, key);
  }

  /** Makes the folder before the first write. @throws if another user can write to it */
  #prepare(): void {
    if (this.#isPrepared) return;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    this.#isReadable = [this.#root, this.#folder].every((folder) => isOwn(folder) === true);
    if (!this.#isReadable) throw new Error(`${this.#folder} can be written to by others`);
    this.#isPrepared = true;
    this.#sweep();
  }

  /** Once a day, removes entries that are no longer used, and the folders of other builds. */
  #sweep(): void {
    const stamp = join(this.#folder, "swept");
    if (Date.now() - (timeOf(stamp) ?? 0) < DAY_MS) return;
    writeFileSync(stamp, "");
    for (const name of readdirSync(this.#root)) {
      const other = join(this.#root, name);
      if (name.startsWith("javascript-") && other !== this.#folder && isOld(other)) {
        rmSync(other, { recursive: true, force: true });
      }
    }
    for (const name of readdirSync(this.#folder)) {
      const entry = join(this.#folder, name);
      if (isOld(entry)) rmSync(entry, { force: true });
    }
  }

  /** Notes that an entry is in use, so that it is kept. */
  #touch(path: string): void {
    const time = timeOf(path);
    if (time === undefined || Date.now() - time < DAY_MS) return;
    try {
      utimesSync(path, new Date(), new Date());
    } catch {}
  }
}

function splitLine(data: Buffer): [line: Buffer, rest: Buffer] {
  const end = data.indexOf(10);
  return [data.subarray(0, end), data.subarray(end + 1)];
}

/** A checksum against damage. It does not protect against other writers: `isOwn` does. */
function sumOf(entry: Uint8Array): string {
  return Bun.hash(entry).toString(36);
}

function defaultRoot(): string | undefined {
  const cache = process.env["XDG_CACHE_HOME"];
  if (cache !== undefined && isAbsolute(cache)) return join(cache, "econtext");
  const home = process.env["HOME"] ?? homedir();
  return isAbsolute(home) ? join(home, ".cache/econtext") : undefined;
}

/**
 * Whether a folder belongs to the user and no other account can write to it. A link is never the
 * user's own.
 *
 * @returns undefined if nothing exists there
 */
function isOwn(folder: string): boolean | undefined {
  try {
    const found = lstatSync(folder);
    const isForUs = found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
    return found.isDirectory() && isForUs;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? undefined : false;
  }
}

function timeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

function isOld(path: string): boolean {
  return Date.now() - (timeOf(path) ?? 0) > KEPT_MS;
}
