/**
 * HopTable: the hops of a broker's paths. Each hop is opened once, through the one before, and kept
 * while something goes through it, and for a moment longer: often more comes. A context that a user
 * has opened is a hop, too, until the user closes it: nothing is opened twice for it.
 */
import type { ConnectOptions } from "../context/connect-options.ts";
import type { Context } from "../context/context.ts";
import type { Hop } from "../launch/hop.ts";
import type { PathStep } from "./target-path.ts";

/** A context that carries others. */
export interface OpenHop {
  readonly hop: Hop;
  readonly context: Context;
}

/** Opens a hop through another; without one, from this machine. */
export type HopOpener = (
  step: PathStep,
  via: Hop | undefined,
  password: HopOptions["password"],
) => OpenHop;

/** What the hops of a path are opened with. */
export interface HopOptions {
  /** Tells hops apart that are opened with other options. */
  readonly key: string;
  /** As of the `connect` that has them opened. */
  readonly password?: ConnectOptions["password"] | undefined;
}

/** The right to go through a hop. */
export interface HopPass extends OpenHop {
  /** Nothing goes through it any more for this pass. Idempotent. */
  release(): void;
}

/** A context of a user's that carries others. */
export interface SharedHop {
  /**
   * Its user closes it: later paths open a hop of their own.
   *
   * @returns what resolves when nothing goes through it any more; undefined if nothing does
   */
  withdraw(): Promise<void> | undefined;
}

/** What one broker keeps open for others beside it. */
export interface KeptPaths {
  /** @returns the longest beginning of a way that is open; undefined: nothing of it is */
  find(way: readonly PathStep[]): KeptPart | undefined;
}

/** The beginning of a way that is open. */
export interface KeptPart {
  /** How many steps of the way it is. */
  readonly steps: number;
  /** The slave at its end. It carries others, and runs nothing of a user's. */
  readonly id: number;
  /**
   * A slave at the same place that is lent to one context of the broker, and outlives the context.
   * Undefined: the broker opens a slave of its own there.
   */
  readonly lent?: number | undefined;
}

interface Entry extends OpenHop {
  readonly key: string;
  /** The hop that it is opened through. */
  readonly outer: HopPass | undefined;
  /** Whether it is a context of a user's: then its user closes it. */
  readonly isShared: boolean;
  /** Passes that are not released. */
  passes: number;
  /** Closes it when nothing has gone through it for a while. */
  timer: ReturnType<typeof setTimeout> | undefined;
  /** Called when it was withdrawn, and the last pass is released. */
  onUnused: () => void;
}

const IDLE_MS = 10_000;

export class HopTable {
  readonly #open: HopOpener;
  readonly #idleMs: number;
  readonly #entries = new Map<string, Entry>();
  #isClosed = false;

  constructor(open: HopOpener, idleMs = IDLE_MS) {
    this.#open = open;
    this.#idleMs = idleMs;
  }

  /**
   * @param way the hops, the first one first; not empty
   * @param from the context that the first is opened through
   */
  pass(way: readonly PathStep[], from: Hop | undefined, options: HopOptions): HopPass {
    const before = way.slice(0, -1);
    const step = way.at(-1) as PathStep;
    const outer = before.length === 0 ? undefined : this.pass(before, from, options);
    const via = outer?.hop ?? from;
    const key = keyOf(step, via, options);
    const known = this.#entries.get(key);
    // A hop that has ended is opened anew.
    if (known !== undefined && known.hop.reason() === undefined) {
      const pass = this.#passTo(known);
      outer?.release();
      return pass;
    }
    const opened = this.#open(step, via, options.password);
    return this.#passTo(this.#add({ ...opened, key, outer, isShared: false }));
  }

  /**
   * @param step the last word of a path
   * @param via the hop before it
   * @returns a pass through the hop that the whole path leads to, if one is open
   */
  known(step: PathStep, via: Hop | undefined, options: HopOptions): HopPass | undefined {
    const known = this.#entries.get(keyOf(step, via, options));
    // A context of a user's may be closed, or run code that ends it.
    const isFit = known?.isShared === false && known.hop.reason() === undefined;
    return isFit ? this.#passTo(known) : undefined;
  }

  /**
   * Lets paths go through a context that a user has opened by the word `step`.
   *
   * @param via the hop that it was opened through
   */
  share(opened: OpenHop, step: PathStep, via: Hop | undefined, options: HopOptions): SharedHop {
    const key = keyOf(step, via, options);
    const known = this.#entries.get(key);
    if (known !== undefined && known.hop.reason() === undefined) return UNSHARED;
    const entry = this.#add({ ...opened, key, outer: undefined, isShared: true });
    const unused = Promise.withResolvers<void>();
    entry.onUnused = unused.resolve;
    return {
      withdraw: () => {
        this.#remove(entry);
        return entry.passes === 0 ? undefined : unused.promise;
      },
    };
  }

  /** From now on, hops close as soon as nothing goes through them. */
  close(): void {
    this.#isClosed = true;
    for (const entry of [...this.#entries.values()]) {
      if (entry.passes === 0) this.#close(entry);
    }
  }

  #add(opened: Omit<Entry, "passes" | "timer" | "onUnused">): Entry {
    const entry = { ...opened, passes: 0, timer: undefined, onUnused: () => {} };
    this.#entries.set(entry.key, entry);
    return entry;
  }

  #remove(entry: Entry): void {
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key);
  }

  #passTo(entry: Entry): HopPass {
    entry.passes++;
    clearTimeout(entry.timer);
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      entry.passes--;
      if (entry.passes > 0) return;
      if (entry.isShared) {
        if (this.#entries.get(entry.key) !== entry) entry.onUnused();
        return;
      }
      const isDead = this.#isClosed || entry.hop.reason() !== undefined;
      if (isDead) this.#close(entry);
      else entry.timer = setTimeout(() => this.#close(entry), this.#idleMs).unref();
    };
    const { hop, context } = entry;
    return { hop, context, release };
  }

  #close(entry: Entry): void {
    clearTimeout(entry.timer);
    this.#remove(entry);
    if (entry.isShared) return;
    void entry.context.close().then(() => entry.outer?.release());
  }
}

/** Tells hops apart: by their word, and by where and with which options it is opened. */
function keyOf({ transport }: PathStep, via: Hop | undefined, { key }: HopOptions): string {
  return JSON.stringify([via?.id, key, transport.label]);
}

/** Of a context whose place another hop has already. */
const UNSHARED: SharedHop = { withdraw: () => undefined };
