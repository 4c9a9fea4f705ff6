/**
 * Signals that are for the commands that we run elsewhere, and the size of our terminal. What ends us, when no command runs, is stop.ts's.
 */
import type { RemoteProcess } from "../index.ts";

/** To stop, to go on: what a shell's job control sends. And what has no other meaning to us. */
const PASSED = ["SIGQUIT", "SIGCONT", "SIGUSR1", "SIGUSR2"] as const;

export class Signals {
  readonly #processes = new Set<RemoteProcess>();
  readonly #listeners: [name: NodeJS.Signals, listener: () => void][] = [];

  /** From now on, until `dispose`. */
  constructor() {
    for (const name of PASSED) this.#on(name, () => void this.pass(name));
    this.#on("SIGTSTP", () => {
      // Over there nobody has job control: that one would be ignored.
      this.pass("SIGSTOP");
      // What was sent is written by then; then we stop as we would have.
      setTimeout(() => process.kill(process.pid, "SIGSTOP"), 10);
    });
    this.#on("SIGWINCH", () => {
      const { columns, rows } = process.stdout;
      for (const one of this.#processes) if (columns > 0) one.resize(columns, rows);
    });
  }

  /** @returns what takes it out again */
  to(process: RemoteProcess): () => void {
    this.#processes.add(process);
    return () => this.#processes.delete(process);
  }

  /** @returns what resolves when all have got it; undefined: no command has started that could hear it */
  readonly pass = (name: string): Promise<unknown> | undefined => {
    const started = [...this.#processes].some(({ pid }) => pid !== undefined);
    const delivered = Promise.all(Array.from(this.#processes, (one) => one.deliver(name)));
    return started ? delivered : undefined;
  };

  dispose(): void {
    for (const [name, listener] of this.#listeners) process.off(name, listener);
  }

  #on(name: NodeJS.Signals, listener: () => void): void {
    this.#listeners.push([name, listener]);
    process.on(name, listener);
  }
}
