/**
 * Bodies that were compressed lately. Many contexts are sent the same modules: the second tier of a
 * command, or the user's own, target by target. To compress is most of what that costs here.
 */
import { deflated } from "./packed.ts";

/** Bytes of bodies that are kept, before compression. */
const MAX_BYTES = 1 << 20;

export class CompressedBodies {
  readonly #known = new Map<number | bigint, { plain: Uint8Array; packed: Uint8Array }>();
  #bytes = 0;

  /**
   * @param plain is kept: it must not change afterwards
   * @returns a zlib stream, which others may have, too
   */
  of(plain: Uint8Array): Uint8Array {
    const key = Bun.hash(plain);
    const known = this.#known.get(key);
    // Another body may have the same hash.
    if (known !== undefined && Buffer.compare(known.plain, plain) === 0) return known.packed;
    const packed = deflated(plain);
    if (known === undefined && plain.length <= MAX_BYTES) this.#keep(key, plain, packed);
    return packed;
  }

  /** Those that were kept first make room. */
  #keep(key: number | bigint, plain: Uint8Array, packed: Uint8Array): void {
    this.#known.set(key, { plain, packed });
    this.#bytes += plain.length;
    for (const [oldest, { plain: old }] of this.#known) {
      if (this.#bytes <= MAX_BYTES) return;
      this.#known.delete(oldest);
      this.#bytes -= old.length;
    }
  }
}
