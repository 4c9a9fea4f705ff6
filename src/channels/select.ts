/** Select: receives from several channels at once. Knows no context. */
import { inboxOf, type Receiver } from "./channel.ts";
import type { Inbox } from "./inbox.ts";

/**
 * Values of several receivers in one loop, each with the receiver that it came from:
 * `for await (const [receiver, value] of new Select(a, b))`. A receiver that was served goes to the
 * end of the row. Ends when all are closed; an error that one was closed with is thrown. Leaving
 * the loop closes none.
 */
export class Select<R extends Receiver = Receiver> {
  readonly #receivers: R[];

  constructor(...receivers: R[]) {
    this.#receivers = receivers;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<[receiver: R, value: ValueOf<R>]> {
    for (;;) {
      const open = this.#receivers.filter((receiver) => !receiver.closed);
      const at = this.#receivers.findIndex((receiver) => inboxOf(receiver).isReady);
      const [ready] = at < 0 ? [] : this.#receivers.splice(at, 1);
      if (ready !== undefined) {
        this.#receivers.push(ready);
        yield [ready, inboxOf(ready).take() as ValueOf<R>];
      } else if (open.length === 0) return;
      else await changeOf(open.map(inboxOf));
    }
  }
}

type ValueOf<R> = R extends Receiver<infer T> ? T : never;

/** Resolves when one of them has a value, or is closed. */
function changeOf(inboxes: readonly Inbox[]): Promise<void> {
  return new Promise((resolve) => {
    const hook = (): void => {
      for (const inbox of inboxes) inbox.offReady(hook);
      resolve();
    };
    for (const inbox of inboxes) inbox.onReady(hook);
  });
}
