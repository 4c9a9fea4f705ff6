/**
 * Depot: what the first hop of a path keeps for the contexts behind it, so that a core, a module or
 * a file for many contexts crosses the first link once. The hop keeps bytes by the hash of their
 * content, until it ends.
 */
import { isAlike } from "../mux/alike.ts";

/** Bytes that a hop keeps at most. What comes later is sent as it is. */
const MAX_BYTES = 1 << 25;
/** Of which so many are for cores and modules, and not for the contents of files. */
const RESERVED_BYTES = 1 << 22;
/** Smaller ones are not worth a key. */
const MIN_LENGTH = 1024;
/** Larger ones would not fit into one frame, with what stands around them. */
const MAX_LENGTH = 200_000;

export interface Kept {
  readonly key: string;
  /** Whether the hop does not have the bytes yet. */
  readonly isNew: boolean;
}

export class Depot {
  readonly #kept = new Set<string>();
  /** Keys of arrays that are sent again and again: a core. */
  readonly #keys = new WeakMap<Uint8Array, string>();
  #bytes = 0;

  /** @returns undefined if these bytes are to be sent as they are */
  keep(bytes: Uint8Array): Kept | undefined {
    if (bytes.length < MIN_LENGTH || bytes.length > MAX_LENGTH) return undefined;
    const key = this.#keyOf(bytes);
    if (this.#kept.has(key)) return { key, isNew: false };
    // Nothing is dropped for it: messages that name a key may still be on their way.
    const most = isAlike(bytes) ? MAX_BYTES - RESERVED_BYTES : MAX_BYTES;
    if (this.#bytes + bytes.length > most) return undefined;
    this.#bytes += bytes.length;
    this.#kept.add(key);
    return { key, isNew: true };
  }

  #keyOf(bytes: Uint8Array): string {
    let key = this.#keys.get(bytes);
    if (key === undefined) {
      key = new Bun.CryptoHasher("sha256").update(bytes).digest("base64url").slice(0, 22);
      this.#keys.set(bytes, key);
    }
    return key;
  }
}
