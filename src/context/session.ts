/** What a context needs of whatever keeps its far side alive: a connection. Types only. */
import type { EcontextError } from "../errors.ts";
import type { Language, Wants } from "../interpreters/kind.ts";

/** What a slave says about itself when it is ready. */
export interface SlaveInfo {
  readonly kind: string;
  readonly version: string;
  readonly pid: number;
  readonly executable: string;
}

/** What its connection does for a context. */
export interface Session {
  /** Resolves when the slave has answered; rejects with why it never will. */
  readonly ready: Promise<SlaveInfo>;
  /** Resolves when its stream is closed and its process gone. */
  readonly gone: Promise<void>;
  /** Whether the slave has answered. */
  isReady(): boolean;
  /** Why it ended, once it has. */
  reason(): EcontextError | undefined;
  /** Resolves when more may be queued. */
  writable(): Promise<void>;
  queuedBytes(): number;
  /** Start it, for work of this language, if it is not yet started. */
  start(wants: Wants): void;
  /** What functions there are written in; undefined until that is known: `writable` waits for it. */
  language(): Language | undefined;
  /** A traceback or log text of it, in the lines of the user's own source. */
  mapStack(text: string): string;
  /**
   * Offer the slave, unasked, what a call will import: of the user's modules, and of the second tier.
   *
   * @param root a folder that modules may come from from now on
   */
  offer(modules: readonly string[], needs: readonly string[], root?: string): void;
  /** End it by force: every pending call gets `reason`. */
  sever(reason: EcontextError): void;
}
