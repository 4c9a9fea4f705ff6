/**
 * Standard input for several readers: each gets all bytes, and the slowest reader sets the pace.
 * Knows no context.
 */
import { Channel, type Receiver, type Sender } from "../../index.ts";
import type { Chunk } from "../../io/splice-pipe.ts";
import type { Input } from "../host.ts";
import { tidy } from "./collect-garbage.ts";

export class SharedInput {
  readonly #preface: Uint8Array | undefined;
  readonly #input: Input | undefined;
  readonly #isStrict: boolean;
  readonly #senders: Sender<Chunk>[] = [];
  readonly #readies: (() => Promise<unknown>)[] = [];

  /**
   * @param preface bytes that come first
   * @param input undefined: readers get the preface alone
   * @param isStrict whether the readers get an error of the input; else they get its end
   */
  constructor(
    preface: Uint8Array | undefined,
    input: Input | undefined,
    { isStrict = false }: { readonly isStrict?: boolean } = {},
  ) {
    this.#preface = preface;
    this.#input = input;
    this.#isStrict = isStrict;
  }

  /**
   * Adds a reader. Reading begins with the last one. A terminal is read when all readers are ready,
   * or have failed: until then a person may be asked for a password there.
   *
   * @param readers how many readers there will be
   * @param ready resolves when the reader's context is ready
   * @returns undefined if there is nothing to read
   */
  branch(readers: number, ready: () => Promise<unknown>): Receiver<Uint8Array> | undefined {
    if (this.#input === undefined && this.#preface === undefined) return undefined;
    const { sender, receiver } = new Channel<Chunk>();
    this.#senders.push(sender);
    this.#readies.push(ready);
    if (this.#senders.length === readers) void this.#read();
    // A command's input takes pieces that were not read, wherever it takes bytes.
    return receiver as Receiver as Receiver<Uint8Array>;
  }

  /** Reads to the end, or until no reader is left. Never rejects. */
  async #read(): Promise<void> {
    let problem: unknown;
    try {
      if (this.#preface !== undefined) await this.#give(this.#preface);
      if (this.#input !== undefined) {
        if (this.#input.isTerminal) await this.#allReady();
        const isAlone = this.#senders.length === 1;
        for await (const chunk of this.#input.chunks(isAlone))
          if (!(await this.#give(chunk))) break;
      }
    } catch (error) {
      // For a command, a closed descriptor and the terminal of another process group are the end.
      if (this.#isStrict) problem = error;
    }
    for (const sender of this.#senders) sender.close(problem);
  }

  async #allReady(): Promise<void> {
    // The last reader is about to make the first use of its context, which decides its language.
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.allSettled(this.#readies.map((ready) => ready()));
  }

  /** @returns whether a reader is left */
  async #give(chunk: Chunk): Promise<boolean> {
    tidy(chunk.length);
    const open = this.#senders.filter((sender) => !sender.closed);
    await Promise.all(open.map((sender) => sender.send(chunk).catch(() => {})));
    return open.length > 0;
  }
}
