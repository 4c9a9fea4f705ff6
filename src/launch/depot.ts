/**
 * Depot: what the first hop of a path keeps for the contexts behind it, so that a core or a module
 * crosses the first link once. The hop keeps bytes by the hash of their content.
 */

/** Bytes that a hop is asked to keep at most. */
const MAX_BYTES = 1 << 25;
/** Smaller ones are not worth a key. */
const MIN_LENGTH = 1024;
/** Larger ones would not fit into one frame, with what stands around them. */
const MAX_LENGTH = 200_000;

/** What the hop is to be told first, before a message names `key`. */
export interface Kept {
  readonly key: string;
  /** The bytes, if the hop does not have them yet. */
  readonly bytes: Uint8Array | undefined;
  /** Keys that it forgets. */
  readonly dropped: readonly string[];
}

export class Depot {
  /** Lengths by key; the key that was used last is the last. */
  readonly #lengths = new Map<string, number>();
  /** Keys of arrays that are sent again and again: a core. */
  readonly #keys = new WeakMap<Uint8Array, string>();
  #bytes = 0;

  /** @returns undefined if these bytes are better sent as they are */
  keep(bytes: Uint8Array): Kept | undefined {
    if (bytes.length < MIN_LENGTH || bytes.length > MAX_LENGTH) return undefined;
    const key = this.#keyOf(bytes);
    const isKept = this.#lengths.delete(key);
    this.#lengths.set(key, bytes.length);
    if (isKept) return { key, bytes: undefined, dropped: [] };
    this.#bytes += bytes.length;
    return { key, bytes, dropped: this.#drop() };
  }

  #keyOf(bytes: Uint8Array): string {
    let key = this.#keys.get(bytes);
    if (key === undefined) {
      key = new Bun.CryptoHasher("sha256").update(bytes).digest("base64url").slice(0, 22);
      this.#keys.set(bytes, key);
    }
    return key;
  }

  #drop(): string[] {
    const dropped: string[] = [];
    for (const [key, length] of this.#lengths) {
      if (this.#bytes <= MAX_BYTES) break;
      this.#lengths.delete(key);
      this.#bytes -= length;
      dropped.push(key);
    }
    return dropped;
  }
}
