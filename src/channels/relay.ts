/**
 * Relay: a sender of one context that is given to another. Its values pass through this process,
 * with a window of its own on each of the two links.
 */
import { Channel, type Receiver, type Sender, targetOf } from "./channel.ts";

/** @returns a receiver whose values all go to `sender`; closing either end closes the other */
export function relayed(sender: Sender): Receiver {
  const { receiver } = new Channel();
  targetOf(sender).onRefused?.((reason) => receiver.close(reason));
  void relay(receiver, sender);
  return receiver;
}

/** Hands every value on, as fast as `sender` takes them. Never rejects. */
async function relay(receiver: Receiver, sender: Sender): Promise<void> {
  try {
    for await (const value of receiver) await sender.send(value);
    sender.close();
  } catch (error) {
    sender.close(error);
    receiver.close(error);
  }
}
