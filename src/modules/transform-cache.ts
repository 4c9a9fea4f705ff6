/**
 * Keeps transformed modules on disk by the hash of their content, so that a module is transformed
 * once. A kept module is sent and run unchecked. A damaged entry is made again.
 */
import { transformVersion } from "../../scripts/transform-version.ts" with { type: "macro" };
import { CacheFolder } from "./cache-folder.ts";
import type { Request } from "./javascript/requests.ts";
import type { Format } from "./javascript/transform.ts";
import type { Packed } from "./packed.ts";

/** The text of a module as it is sent, and the modules that it asks for. */
export interface CachedModule {
  readonly format: Format;
  readonly requests: readonly Request[];
  /** The first 16 hexadecimal digits of the text's SHA-256. */
  readonly hash: string;
  /** The text, compressed. */
  readonly source: Packed;
}

/** What is kept in JSON; the text follows it. */
type KeptModule = Omit<CachedModule, "source"> & Omit<Packed, "bytes">;

const VERSION: string = transformVersion();

export class TransformCache {
  /** The folder of the cache, which keeps other results of the same code, too. */
  readonly folder: CacheFolder;

  /** @param root default: the user's own cache */
  constructor(root?: string) {
    this.folder = new CacheFolder("javascript", VERSION, root);
  }

  /** The key of an entry. @param parts everything that the result depends on */
  static key(...parts: readonly (string | Uint8Array)[]): string {
    const hasher = new Bun.CryptoHasher("sha256");
    for (const part of parts) hasher.update(`${part.length}\0`).update(part);
    return hasher.digest("hex");
  }

  get(key: string): CachedModule | undefined {
    const [entry] = this.folder.read(key);
    const kept = entry && readEntry<KeptModule>(entry, ["requests"]);
    if (kept === undefined) return undefined;
    const { adler, length, ...made } = kept.head;
    return { ...made, source: { bytes: kept.bytes, length, adler } };
  }

  /** Keeps a module. If that fails, the module is made again in the next run. */
  put(key: string, { source, ...made }: CachedModule): void {
    const { bytes, length, adler } = source;
    const head = JSON.stringify({ ...made, length, adler });
    this.folder.write(key, [Buffer.concat([Buffer.from(`${head}\n`), bytes])]);
  }
}

/**
 * Reads an entry: a line of JSON, and the bytes behind it.
 *
 * @param lists members of the JSON that must be lists
 * @returns undefined if the line is something else
 */
export function readEntry<Head extends object>(
  data: Buffer,
  lists: readonly (keyof Head & string)[],
): { readonly head: Head; readonly bytes: Buffer } | undefined {
  const end = data.indexOf(10);
  try {
    const head = JSON.parse(data.toString("utf8", 0, end)) as Head;
    const isRight = lists.every((name) => Array.isArray(head[name]));
    return isRight ? { head, bytes: data.subarray(end + 1) } : undefined;
  } catch {
    return undefined;
  }
}
