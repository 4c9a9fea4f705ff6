/** A host in memory: what a command reads, writes and hears, without a stream of this process. */
import { resolve } from "node:path";
import {
  type Host,
  type HostSignals,
  type Input,
  type Output,
  ProcessEnding,
} from "../../src/cli/host.ts";

class MemoryOutput implements Output {
  readonly isTerminal = false;
  readonly coloured = false;
  readonly canSplice = false;
  text = "";
  readonly #decoder = new TextDecoder();

  async write(data: Uint8Array | string): Promise<void> {
    this.text += typeof data === "string" ? data : this.#decoder.decode(data, { stream: true });
  }

  /** Bytes must come by `write`. */
  spliceFrom(): undefined {}

  screen() {
    return { write: (text: string): void => void this.write(text), columns: 80 };
  }

  writeAtExit(): void {}

  async flushed(): Promise<void> {}
}

export class MemoryHost implements Host {
  readonly stdin: Input;
  readonly stdout = new MemoryOutput();
  readonly stderr = new MemoryOutput();
  readonly env: Host["env"];
  readonly terminal = undefined;
  /** The signal by which the host died. */
  died: string | undefined;
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #cwd: string;
  readonly signals: HostSignals = {
    on: (name, listener) => {
      const known = this.#listeners.get(name) ?? new Set();
      this.#listeners.set(name, known.add(listener));
    },
    off: (name, listener) => void this.#listeners.get(name)?.delete(listener),
    stop: () => {},
    die: async (name) => {
      this.died = name;
    },
    exit: () => {},
  };
  readonly ending = new ProcessEnding(this.signals);

  constructor({ input = "", cwd = "/", env = process.env } = {}) {
    this.#cwd = cwd;
    this.env = env;
    const stream = () => new Blob([input]).stream();
    this.stdin = {
      isTerminal: false,
      isEmpty: false,
      chunks: stream,
      stream,
      bytes: async () => new TextEncoder().encode(input),
    };
  }

  path(relative: string): string {
    return resolve(this.#cwd, relative);
  }

  /** The host gets a signal. @returns whether the command listens for it */
  raise(name: string): boolean {
    const listeners = [...(this.#listeners.get(name) ?? [])];
    for (const listener of listeners) listener();
    return listeners.length > 0;
  }
}
