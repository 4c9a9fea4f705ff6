/** Session: what a context needs of whatever keeps its slave alive. Types only. */
import type { CallSession } from "../calls/call-session.ts";
import type { Kind } from "../interpreters/kind.ts";

/** What a slave says about itself when it is ready. */
export interface SlaveInfo {
  readonly kind: Kind;
  readonly version: string;
  readonly pid: number;
  readonly executable: string;
}

/** The life of one slave, as its context sees it. */
export interface Session extends CallSession {
  /** Resolves when the slave has answered; rejects with the reason why it never will. */
  readonly ready: Promise<SlaveInfo>;
  /** Resolves when the slave's stream is closed and its process is gone. */
  readonly gone: Promise<void>;
  /** Whether the slave has answered. */
  isReady(): boolean;
  /** @returns a traceback or log text with the positions of the user's own source */
  mapStack(text: string): string;
}
