/**
 * What modules become on their way, kept by the hash of their content: in a folder of the user's own, so that the second run of a program
 * transforms nothing. What is found there is believed, as it lies where only the user can write; what cannot be read is made anew.
 */
import {
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
import type { Request } from "./javascript-requests.ts";
import type { Format } from "./javascript-transform.ts";
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
/** What nobody asked for in this time is removed. */
const KEPT_MS = 30 * DAY_MS;

export class TransformCache {
  readonly #root: string | undefined;
  #folder: string | undefined;
  #isPrepared = false;

  /** @param root default: `$XDG_CACHE_HOME/econtext`, or `~/.cache/econtext` */
  constructor(root: string | undefined = defaultRoot()) {
    this.#root = root;
    this.#folder = root === undefined ? undefined : join(root, `javascript-${VERSION}`);
    if (this.#folder !== undefined && !isOwn(this.#folder)) this.#folder = undefined;
  }

  /** @param parts all that the result depends on; of texts, their bytes */
  static key(...parts: readonly (string | Uint8Array)[]): string {
    const hasher = new Bun.CryptoHasher("sha256");
    for (const part of parts) hasher.update(`${part.length}\0`).update(part);
    return hasher.digest("hex");
  }

  get(key: string): Made | undefined {
    if (this.#folder === undefined) return undefined;
    try {
      const file = readFileSync(this.#path(key));
      const end = file.indexOf(10);
      const { adler, length, size, ...made } = JSON.parse(file.toString("utf8", 0, end));
      const bytes = file.subarray(end + 1);
      if (bytes.length !== size) return undefined;
      this.#touch(this.#path(key));
      return { ...made, source: { bytes, length, adler } };
    } catch {
      return undefined; // not there, or no file of ours
    }
  }

  /** What cannot be kept is made again next time. */
  put(key: string, { source, ...made }: Made): void {
    if (this.#folder === undefined) return;
    const { bytes, length, adler } = source;
    const head = JSON.stringify({ ...made, length, adler, size: bytes.length });
    const path = this.#path(key);
    const part = `${path}.${process.pid}`;
    try {
      this.#prepare(this.#folder);
      writeFileSync(part, Buffer.concat([Buffer.from(`${head}\n`), bytes]), { mode: 0o600 });
      renameSync(part, path);
    } catch {
      // A full disk, or one that is read-only: it was a try.
      this.#folder = undefined;
      try {
        rmSync(part);
      } catch {}
    }
  }

  #path(key: string): string {
    return join(this.#folder ?? "", key);
  }

  /** Before the first write of a run: the folder, and once a day what is in it. */
  #prepare(folder: string): void {
    if (this.#isPrepared) return;
    this.#isPrepared = true;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const stamp = join(folder, "swept");
    if (Date.now() - (timeOf(stamp) ?? 0) < DAY_MS) return;
    writeFileSync(stamp, "");
    for (const name of readdirSync(this.#root ?? folder)) {
      const other = join(this.#root ?? folder, name);
      if (name.startsWith("javascript-") && other !== folder && isOld(other)) {
        rmSync(other, { recursive: true, force: true });
      }
    }
    for (const name of readdirSync(folder)) {
      if (isOld(join(folder, name))) rmSync(join(folder, name), { force: true });
    }
  }

  /** It is in use: it stays. */
  #touch(path: string): void {
    const time = timeOf(path);
    if (time === undefined || Date.now() - time < DAY_MS) return;
    try {
      utimesSync(path, new Date(), new Date());
    } catch {}
  }
}

function defaultRoot(): string | undefined {
  const cache = process.env["XDG_CACHE_HOME"];
  if (cache !== undefined && isAbsolute(cache)) return join(cache, "econtext");
  const home = process.env["HOME"] ?? homedir();
  return isAbsolute(home) ? join(home, ".cache/econtext") : undefined;
}

/** Nobody else may put something there: it is sent and run. */
function isOwn(folder: string): boolean {
  try {
    const { uid, mode } = statSync(folder);
    return uid === process.getuid?.() && (mode & 0o022) === 0;
  } catch {
    return true; // not there: it is made by us
  }
}

function timeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

function isOld(path: string): boolean {
  return Date.now() - (timeOf(path) ?? 0) > KEPT_MS;
}
