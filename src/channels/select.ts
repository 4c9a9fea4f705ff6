/** Select: whichever of several receivers has something. Knows no context. */
import type { Receiver } from "./channel.ts";

/**
 * Values of several receivers in one loop, each with the receiver that it came from: `for await (const [receiver, value] of new Select(a, b))`.
 * No receiver is served twice while another waits. Ends when all are closed; an error that one was closed with is thrown. Leaving the loop
 * closes none.
 */
export class Select<R extends Receiver = Receiver> {
  readonly #receivers: R[];

  constructor(...receivers: R[]) {
    this.#receivers = receivers;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<[receiver: R, value: ValueOf<R>]> {
    for (;;) {
      const open = this.#receivers.filter((receiver) => !receiver.closed);
      const at = this.#receivers.findIndex((receiver) => receiver.isReady);
      const [ready] = at < 0 ? [] : this.#receivers.splice(at, 1);
      if (ready !== undefined) {
        // To the end of the row: the others come first.
        this.#receivers.push(ready);
        yield [ready, ready.take() as ValueOf<R>];
      } else if (open.length === 0) return;
      else await changeOf(open);
    }
  }
}

type ValueOf<R> = R extends Receiver<infer T> ? T : never;

/** Resolves when one of them has something, or is closed. */
function changeOf(receivers: readonly Receiver[]): Promise<void> {
  return new Promise((resolve) => {
    const hook = (): void => {
      for (const receiver of receivers) receiver.offReady(hook);
      resolve();
    };
    for (const receiver of receivers) receiver.onReady(hook);
  });
}
