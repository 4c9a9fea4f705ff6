/**
 * ByteChild: a started program and the bytes that go to it and come from it, whatever carries them.
 * Spawner: what starts one. Implemented by local-child.ts for processes of this machine, and by
 * src/embedded-ssh for commands of its connections.
 */
import type { Kind } from "../interpreters/kind.ts";
import type { Duplex } from "../io/duplex.ts";
import type { Secret } from "../prompts/secret.ts";

/** How a child ended: an exit status, a signal's name, or why it could not be started at all. */
export interface Ending {
  readonly status?: number | undefined;
  readonly signal?: string | undefined;
  readonly spawnError?: Error | undefined;
}

/** What a slave says about its own process. */
export interface SlaveProcess {
  readonly kind: Kind;
  readonly pid: number;
}

/** What is kept of a child's error output: its last characters. */
export const TAIL_CHARACTERS = 32768;
/**
 * Milliseconds that a child may go on after `close`, until it is killed. A slave's guard needs
 * three quarters of a second.
 */
export const REAP_MS = 3000;

export interface ByteChild extends Duplex {
  readonly argv: readonly string[];
  /**
   * Resolves when the child has ended and all that it printed has been read; never rejects. A child
   * that goes on after `close` is killed after a few seconds.
   */
  readonly ended: Promise<Ending>;
  /** Resolves after `ended`, when no process that belongs to the child is left either. */
  readonly gone: Promise<void>;
  /** The last 32 KiB of its error output. */
  readonly stderr: string;
  /**
   * Gives error output, and what comes on the terminal of questions, to this listener as it comes,
   * from now on; undefined: to none.
   */
  hear(listener: ((text: string) => void) | undefined): void;
  /**
   * Writes bytes, such as a password, that must not stay in memory. Takes them over, and overwrites
   * them when they are written, or cannot be written any more.
   */
  writeSecret(bytes: Uint8Array): void;
  /** Takes note that the program asks no question any more. */
  settle(): void;
  /**
   * Ends the child at once, for a child whose slave has not begun. `close` suffices for any other.
   */
  kill(): void;
  /**
   * Takes note of the slave that the child has become, in order to find what the slave leaves
   * behind.
   */
  adopt(slave: SlaveProcess): void;
}

/** Answers what a program of this process asks on the way, in the words of ssh. */
export interface Asker {
  /**
   * @param client tells the clients of one way apart: the same question of another one does not
   *   mean that the answer was wrong
   * @returns the answer, which is overwritten after use; undefined if there is none
   */
  ask(prompt: string, client?: number): Promise<Secret | undefined>;
  /** Whether a question has ended what it was asked for: it was declined, or answered wrong. */
  hasFailed?(): boolean;
}

export interface SpawnOptions {
  /** Answers the questions of a client that is part of this process. Absent: nothing does. */
  readonly asker?: Asker | undefined;
  /**
   * Whether the program may ask something on the terminal. It then stays in the terminal's session.
   */
  readonly asks: boolean;
  /**
   * Whether the program only leads to another machine. If not, the child is the slave's own guard.
   */
  readonly isClient: boolean;
  /**
   * Whether the program insists on a terminal for its questions. It gets one that carries nothing
   * else.
   */
  readonly pty?: boolean | undefined;
  /**
   * Is called when the embedded ssh is about to connect, or has refused the host, so that the ssh
   * program is about to start. May be called again.
   *
   * @param refusal why the embedded ssh does not connect; undefined: it does
   */
  readonly chosen?: ((refusal: string | undefined) => void) | undefined;
  /** Variables that are set for it, besides those of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** Runs an argument vector. A failure to do so is told by the child's `ended`. */
export interface Spawner {
  spawn(argv: readonly string[], options: SpawnOptions): ByteChild;
}
