/**
 * HopTable: the hops of a broker's paths. Each hop is opened once, through the one before, and kept
 * as long as something goes through it.
 */
import type { Context } from "../context/context.ts";
import type { Hop } from "../launch/hop.ts";
import type { Transport } from "../transports/transport.ts";

/** A context that was opened only to carry others. */
export interface OpenHop {
  readonly hop: Hop;
  readonly context: Context;
}

/** Opens a hop through another; without one, from this machine. */
export type HopOpener = (transport: Transport, via: Hop | undefined) => OpenHop;

/** The right to go through a hop. */
export interface HopPass extends OpenHop {
  /** Nothing goes through it any more for this pass. Idempotent. */
  release(): void;
}

interface Entry extends OpenHop {
  /** Passes that are not released. */
  passes: number;
}

export class HopTable {
  readonly #open: HopOpener;
  readonly #entries = new Map<string, Entry>();

  constructor(open: HopOpener) {
    this.#open = open;
  }

  /**
   * @param way transports of the hops, the first one first; not empty
   * @param from the context that the first is opened through
   * @param options tells hops apart that are opened with other options
   */
  pass(way: readonly Transport[], from: Hop | undefined, options: string): HopPass {
    const before = way.slice(0, -1);
    const outer = before.length === 0 ? undefined : this.pass(before, from, options);
    const key = JSON.stringify([from?.id, options, way.map(({ label }) => label)]);
    let entry = this.#entries.get(key);
    // A hop that has ended is opened anew.
    if (entry === undefined || entry.hop.reason() !== undefined) {
      const opened = this.#open(way.at(-1) as Transport, outer?.hop ?? from);
      entry = { ...opened, passes: 0 };
      this.#entries.set(key, entry);
    }
    return this.#passTo(entry, key, outer);
  }

  #passTo(entry: Entry, key: string, outer: HopPass | undefined): HopPass {
    entry.passes++;
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      entry.passes--;
      if (entry.passes > 0) {
        outer?.release();
        return;
      }
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      void entry.context.close().then(() => outer?.release());
    };
    const { hop, context } = entry;
    return { hop, context, release };
  }
}
