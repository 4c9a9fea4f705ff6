/** Our standard input for several who read it: each gets all of it, and the slowest sets the pace. Knows no context. */

import { Channel, type Receiver, type Sender } from "../../index.ts";
import type { Chunk } from "../../io/splice-pipe.ts";
import { readInput } from "../../io/stdin.ts";
import { tidy } from "./collect-garbage.ts";

export class SharedInput {
  readonly #preface: Uint8Array | undefined;
  readonly #isRead: boolean;
  readonly #senders: Sender<Chunk>[] = [];

  /**
   * @param preface what comes before it
   * @param isRead whether ours is read at all
   */
  constructor(preface: Uint8Array | undefined, isRead: boolean) {
    this.#preface = preface;
    this.#isRead = isRead;
  }

  /**
   * One more reader; undefined if there is nothing to read.
   *
   * @param readers how many there will be: reading begins with the last
   */
  branch(readers: number): Receiver<Uint8Array> | undefined {
    if (!this.#isRead && this.#preface === undefined) return undefined;
    const { sender, receiver } = new Channel<Chunk>();
    this.#senders.push(sender);
    if (this.#senders.length === readers) void this.#read();
    // A piece that was not read goes wherever bytes go to a command.
    return receiver as Receiver as Receiver<Uint8Array>;
  }

  /** To the end, or until nobody reads any more. Never rejects: what cannot be read is over. */
  async #read(): Promise<void> {
    try {
      if (this.#preface !== undefined) await this.#give(this.#preface);
      if (this.#isRead) {
        const isAlone = this.#senders.length === 1;
        for await (const chunk of readInput(isAlone)) if (!(await this.#give(chunk))) break;
      }
    } catch {
      // A closed descriptor, or the terminal of another process group.
    }
    for (const sender of this.#senders) sender.close();
  }

  /** @returns whether anybody reads */
  async #give(chunk: Chunk): Promise<boolean> {
    tidy(chunk.length);
    const open = this.#senders.filter((sender) => !sender.closed);
    await Promise.all(open.map((sender) => sender.send(chunk).catch(() => {})));
    return open.length > 0;
  }
}
