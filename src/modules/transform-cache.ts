/**
 * Keeps transformed modules by the hash of their content, in a folder of the user's own: the second run of a program transforms nothing.
 * A kept module is sent and run as it is, so the folder must be one that only the user can write to; an entry that cannot be read is made
 * anew.
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

/** A module's text as it is sent, with what it asks for. */
export interface Made {
  readonly format: Format;
  readonly requests: readonly Request[];
  /** The first 16 hex digits of its SHA-256. */
  readonly hash: string;
  /** Its JSON text, compressed. */
  readonly source: Packed;
}

const VERSION: string = transformVersion();
const DAY_MS = 24 * 3600 * 1000;
/** An entry that was not used for this time is removed. */
const KEPT_MS = 30 * DAY_MS;

export class TransformCache {
  readonly #root: string;
  readonly #folder: string;
  /** Whether only this user can have written the entries of the folder. */
  #isReadable: boolean;
  #isWritable: boolean;
  #isPrepared = false;

  /** @param root default: `$XDG_CACHE_HOME/econtext`, or `~/.cache/econtext` */
  constructor(root: string | undefined = defaultRoot()) {
    this.#root = root ?? "";
    this.#folder = join(this.#root, `javascript-${VERSION}`);
    const owned = root === undefined ? [false] : [this.#root, this.#folder].map(isOwn);
    this.#isReadable = owned.every((one) => one === true);
    // A folder that does not exist yet will be the user's own.
    this.#isWritable = !owned.includes(false);
  }

  /** @param parts all that the result depends on; of texts, their bytes */
  static key(...parts: readonly (string | Uint8Array)[]): string {
    const hasher = new Bun.CryptoHasher("sha256");
    for (const part of parts) hasher.update(`${part.length}\0`).update(part);
    return hasher.digest("hex");
  }

  get(key: string): Made | undefined {
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
      return undefined; // not there, or damaged
    }
  }

  /** A module that cannot be kept is made again next time. */
  put(key: string, { source, ...made }: Made): void {
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
      // A full disk, one that is read-only, or a folder of somebody else's: nothing more is kept in this run.
      this.#isWritable = false;
      try {
        rmSync(part);
      } catch {}
    }
  }

  #path(key: string): string {
    return join(this.#folder, key);
  }

  /** Before the first write of a run: make the folder. @throws when it is not, or not only, the user's own */
  #prepare(): void {
    if (this.#isPrepared) return;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    this.#isReadable = [this.#root, this.#folder].every((folder) => isOwn(folder) === true);
    if (!this.#isReadable) throw new Error(`${this.#folder} can be written to by others`);
    this.#isPrepared = true;
    this.#sweep();
  }

  /** Once a day: remove entries that are not used any more, and the folders of other builds. */
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

  /** Keep an entry that is in use. */
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

/** Tells a damaged entry. Who may write here is another question. */
function sumOf(entry: Uint8Array): string {
  return Bun.hash(entry).toString(36);
}

function defaultRoot(): string | undefined {
  const cache = process.env["XDG_CACHE_HOME"];
  if (cache !== undefined && isAbsolute(cache)) return join(cache, "econtext");
  const home = process.env["HOME"] ?? homedir();
  return isAbsolute(home) ? join(home, ".cache/econtext") : undefined;
}

/** Whether a folder belongs to the user, and no other account can write to it; undefined where nothing exists. Never true for a link. */
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
