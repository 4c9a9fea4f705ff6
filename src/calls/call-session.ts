/** CallSession: the life of a slave, as its calls see it. Types only. */
import type { EcontextError } from "../errors.ts";
import type { Language, Wants } from "../interpreters/kind.ts";

/** What calls need of the session of their slave. */
export interface CallSession {
  /** Start the slave, for work of this language, if it is not started yet. */
  start(wants: Wants): void;
  /** The language of the slave's functions; undefined until it is known. */
  language(): Language | undefined;
  /** Why the session ended, once it has. */
  reason(): EcontextError | undefined;
  /** Bytes that wait to be written to the slave. */
  queuedBytes(): number;
  /** Resolves when the slave has answered, or when the session ended. */
  settled(): Promise<void>;
  /** Resolves when more may be queued, or when the session ended. */
  writable(): Promise<void>;
  /**
   * Send the slave, before it asks, what a call will import: of the user's modules, and of the
   * second tier.
   *
   * @param root a folder that modules may come from, from now on
   */
  offer(modules: readonly string[], needs: readonly string[], root?: string): void;
  /** End the session by force: every pending call gets `reason`. */
  sever(reason: EcontextError): void;
}
