/**
 * Bodies that were compressed lately. Many contexts are sent the same modules: the second tier of a
 * command, or the user's own, target by target. To compress is most of what that costs here.
 */
import { deflated } from "./packed.ts";

/** Bytes that are kept. */
const MAX_BYTES = 1 << 20;

interface Known {
  /** The body before compression. Absent: the key alone tells bodies apart. */
  readonly plain?: Uint8Array;
  readonly packed: Uint8Array;
}

export class CompressedBodies {
  readonly #known = new Map<string | number | bigint, Known>();
  #bytes = 0;

  /**
   * @param plain is kept: it must not change afterwards
   * @returns a zlib stream, which others may have, too
   */
  of(plain: Uint8Array): Uint8Array {
    const key = Bun.hash(plain);
    const known = this.#known.get(key);
    // Another body may have the same hash.
    if (known?.plain && Buffer.compare(known.plain, plain) === 0) return known.packed;
    const packed = deflated(plain);
    if (known === undefined) this.#keep(key, { plain, packed });
    return packed;
  }

  /**
   * Returns the same without making the body again. To make it takes five times its size in memory
   * for a moment, and many contexts need it at the same time.
   *
   * @param name the body depends on nothing else
   */
  named(name: string, make: () => Uint8Array): Uint8Array {
    const known = this.#known.get(name);
    if (known !== undefined) return known.packed;
    const packed = deflated(make());
    this.#keep(name, { packed });
    return packed;
  }

  /** Those that were kept first make room. */
  #keep(key: string | number | bigint, known: Known): void {
    if (sizeOf(known) > MAX_BYTES) return;
    this.#known.set(key, known);
    this.#bytes += sizeOf(known);
    for (const [oldest, old] of this.#known) {
      if (this.#bytes <= MAX_BYTES) return;
      this.#known.delete(oldest);
      this.#bytes -= sizeOf(old);
    }
  }
}

function sizeOf({ plain, packed }: Known): number {
  return (plain ?? packed).length;
}
