/**
 * What a command has of the process that it runs for: streams, folder, environment, signals and
 * terminal. A command is given a `Host` and uses no global in its place, so that one process can
 * run commands for other processes.
 *
 * Programs and the prompt are the exception: they run a user's code in this process.
 */
import type { Chunk, SpliceSink } from "../io/splice-pipe.ts";
import type { Source } from "../prompts/question.ts";
import type { KeptContexts } from "../up/keeper.ts";
import type { Screen } from "./ui/status-line.ts";

/** A stream takes no more bytes: it was closed, or its disk is full. */
export class OutputError extends Error {
  override name = "OutputError";
}

/** Standard input cannot be read: it was closed, it is a folder, or the system says why. */
export class InputError extends Error {
  override name = "InputError";
}

/** A stream that a command writes to. */
export interface Output extends SpliceSink {
  readonly isTerminal: boolean;
  /** A terminal whose user wants colours. */
  readonly coloured: boolean;
  /**
   * Resolves when the data is written, in the order of the calls. Rejects with the system's `EPIPE`
   * when the reader is gone, and else with an `OutputError`.
   */
  write(data: Uint8Array | string): Promise<void>;
  /** The terminal, for a line that is written again and again. */
  screen(): Screen;
  /** From now on, data that waits is written even if user code ends the process. */
  writeAtExit(): void;
  /** Resolves when no data waits; never rejects. */
  flushed(): Promise<void>;
}

/** The stream that a command reads. */
export interface Input {
  readonly isTerminal: boolean;
  /** It is /dev/null: a remote command can have its own. */
  readonly isEmpty: boolean;
  /** For a reader that must not take a failure for the end. @throws {InputError} */
  check?(): void;
  /** @param unread the only reader: large pieces may come without having been read */
  chunks(unread: boolean): AsyncIterable<Chunk>;
  /** Reads to the end. */
  bytes(): Promise<Uint8Array>;
  stream(): ReadableStream<Uint8Array>;
}

/** The terminal that both input and output are. */
export interface HostTerminal {
  size(): { readonly columns: number; readonly rows: number };
  /** The modes by the numbers of RFC 4254, section 8; empty where they are unknown. */
  modes(): readonly (readonly [number: number, value: number])[];
  /** Raw: every key is a byte of input, and none is a signal. */
  setRaw(isRaw: boolean): void;
}

/** Signals that the process gets, and those that it ends or stops itself with. */
export interface HostSignals {
  on(name: NodeJS.Signals, listener: () => void): void;
  off(name: NodeJS.Signals, listener: () => void): void;
  /** Stops the process as job control does, until it gets SIGCONT. */
  stop(): void;
  /** Ends the process as this signal does by default. Resolves if the process still lives. */
  die(name: NodeJS.Signals): Promise<void>;
  /** Ends the process at once. */
  exit(status: number): void;
}

export interface Host {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signals: HostSignals;
  /** Undefined unless input and output are terminals. */
  readonly terminal: HostTerminal | undefined;
  /** Where relative paths begin; undefined: in the working folder of this process. */
  readonly folder?: string | undefined;
  /** The path as this process opens it: a relative one begins in the folder of the host. */
  path(relative: string): string;
  /** How the host ends when a signal ends it. */
  readonly ending: ProcessEnding;
  /**
   * The person at the terminal; null if there is none. Absent: the terminal of this process, if it
   * has one.
   */
  readonly person?: Source | null;
  /** Connections that this process keeps for the host. */
  readonly kept?: KeptContexts | undefined;
}

/**
 * The end by a signal. A process that a signal ended must die of that signal, after it has tidied
 * up: a shell's loop then ends as well, which it does not for a mere status of 130.
 */
export class ProcessEnding {
  readonly #signals: HostSignals;
  readonly #work = new Set<() => void>();
  #fatal: NodeJS.Signals | undefined;

  constructor(signals: HostSignals) {
    this.#signals = signals;
  }

  /**
   * Does `work` when a signal ends the process at once. It must take no time.
   *
   * @returns what takes `work` back
   */
  before(work: () => void): () => void {
    this.#work.add(work);
    return () => this.#work.delete(work);
  }

  /** Remembers the signal that ended the command. The first one counts. */
  by(name: NodeJS.Signals): void {
    this.#fatal ??= name;
  }

  /** Does not return in a process whose command was ended by a signal. */
  async conclude(): Promise<void> {
    if (this.#fatal === undefined) return;
    for (const work of this.#work) work();
    await this.#signals.die(this.#fatal);
  }

  /** Ends the process now: by the signal, or else with this status. */
  async now(status: number): Promise<void> {
    await this.conclude();
    this.#signals.exit(status);
  }
}
