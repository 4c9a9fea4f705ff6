/**
 * HopTable: the hops of a broker's paths. Each hop is opened once, through the one before, and kept
 * while something goes through it, and for a moment longer: often more comes.
 */
import type { ConnectOptions } from "../context/connect-options.ts";
import type { Context } from "../context/context.ts";
import type { Hop } from "../launch/hop.ts";
import type { PathStep } from "./target-path.ts";

/** A context that was opened only to carry others. */
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

interface Entry extends OpenHop {
  readonly key: string;
  /** The hop that it is opened through. */
  readonly outer: HopPass | undefined;
  /** Passes that are not released. */
  passes: number;
  /** Closes it when nothing has gone through it for a while. */
  timer: ReturnType<typeof setTimeout> | undefined;
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
    const labels = way.map(({ transport }) => transport.label);
    const key = JSON.stringify([from?.id, options.key, labels]);
    let entry = this.#entries.get(key);
    // A hop that has ended is opened anew.
    if (entry === undefined || entry.hop.reason() !== undefined) {
      const before = way.slice(0, -1);
      const outer = before.length === 0 ? undefined : this.pass(before, from, options);
      const opened = this.#open(way.at(-1) as PathStep, outer?.hop ?? from, options.password);
      entry = { ...opened, key, outer, passes: 0, timer: undefined };
      this.#entries.set(key, entry);
    }
    return this.#passTo(entry);
  }

  /** From now on, hops close as soon as nothing goes through them. */
  close(): void {
    this.#isClosed = true;
    for (const entry of [...this.#entries.values()]) {
      if (entry.passes === 0) this.#close(entry);
    }
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
      const isDead = this.#isClosed || entry.hop.reason() !== undefined;
      if (isDead) this.#close(entry);
      else entry.timer = setTimeout(() => this.#close(entry), this.#idleMs).unref();
    };
    const { hop, context } = entry;
    return { hop, context, release };
  }

  #close(entry: Entry): void {
    clearTimeout(entry.timer);
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key);
    void entry.context.close().then(() => entry.outer?.release());
  }
}
