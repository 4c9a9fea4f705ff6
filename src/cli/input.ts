/** Our standard input for several who read it: each gets all of it, and the slowest sets the pace. Knows no context. */
import { Channel, type Receiver, type Sender } from "../index.ts";

export class SharedInput {
  readonly #preface: Uint8Array | undefined;
  readonly #isRead: boolean;
  readonly #senders: Sender<Uint8Array>[] = [];

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
    const { sender, receiver } = new Channel<Uint8Array>();
    this.#senders.push(sender);
    if (this.#senders.length === readers) void this.#read();
    return receiver;
  }

  /** To the end, or until nobody reads any more. Never rejects: what cannot be read is over. */
  async #read(): Promise<void> {
    try {
      if (this.#preface !== undefined) await this.#give(this.#preface);
      if (this.#isRead) {
        for await (const chunk of Bun.stdin.stream()) if (!(await this.#give(chunk))) break;
      }
    } catch {
      // A closed descriptor, or the terminal of another process group.
    }
    for (const sender of this.#senders) sender.close();
  }

  /** @returns whether anybody reads */
  async #give(chunk: Uint8Array): Promise<boolean> {
    const open = this.#senders.filter((sender) => !sender.closed);
    await Promise.all(open.map((sender) => sender.send(chunk).catch(() => {})));
    return open.length > 0;
  }
}
