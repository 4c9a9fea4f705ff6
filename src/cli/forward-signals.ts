/**
 * Signals for the remote commands, and the size of the terminal. Signals that end econtext when no
 * command runs are in interruption.ts.
 */
import type { RemoteProcess } from "../index.ts";
import type { Host } from "./host.ts";

/** A shell's job control sends the first two; the others have no other meaning to econtext. */
const PASSED = ["SIGQUIT", "SIGCONT", "SIGUSR1", "SIGUSR2"] as const;
/** Milliseconds after which a signal to the remote commands has been written. */
const WRITTEN_MS = 10;

export class Signals {
  readonly #host: Host;
  readonly #processes = new Set<RemoteProcess>();
  readonly #listeners: [name: NodeJS.Signals, listener: () => void][] = [];

  /** Listens until `dispose`. */
  constructor(host: Host) {
    this.#host = host;
    for (const name of PASSED) this.#on(name, () => void this.pass(name));
    this.#on("SIGTSTP", () => {
      // No job control runs on the remote machine, so SIGTSTP would be ignored there.
      this.pass("SIGSTOP");
      setTimeout(() => host.signals.stop(), WRITTEN_MS);
    });
    this.#on("SIGWINCH", () => {
      const { columns = 0, rows = 0 } = host.terminal?.size() ?? {};
      for (const one of this.#processes) if (columns > 0) one.resize(columns, rows);
    });
  }

  /** Passes signals to this command, too. @returns what takes it out again */
  to(process: RemoteProcess): () => void {
    this.#processes.add(process);
    return () => this.#processes.delete(process);
  }

  /**
   * @returns what resolves when all commands that have started were told, to whether each of them
   *   got the signal: the others have ended. Undefined if none has started
   */
  readonly pass = (name: string): Promise<readonly boolean[]> | undefined => {
    const told: Promise<boolean>[] = [];
    for (const one of this.#processes) {
      const isStarted = one.pid !== undefined;
      const delivered = one.deliver(name);
      if (isStarted) told.push(delivered);
    }
    return told.length === 0 ? undefined : Promise.all(told);
  };

  dispose(): void {
    for (const [name, listener] of this.#listeners) this.#host.signals.off(name, listener);
  }

  #on(name: NodeJS.Signals, listener: () => void): void {
    this.#listeners.push([name, listener]);
    this.#host.signals.on(name, listener);
  }
}
