/**
 * The same work on several targets at the same time. Outcomes come in the order in which the work
 * ends: a slow target holds no other up. Knows nothing of how outcomes are shown.
 */
import type { Broker } from "../broker.ts";
import type { ConnectOptions } from "../context/connect-options.ts";
import type { Context } from "../context/context.ts";

export interface Outcome<T> {
  readonly target: string;
  /** The index of the target: a list may name one twice. */
  readonly index: number;
  /** Undefined if no context could be opened for the target. */
  readonly context: Context | undefined;
  readonly result: { readonly value: T } | { readonly error: unknown };
}

/** Never throws: an error of `work` is an outcome. */
export async function* onTargets<T>(
  broker: Broker,
  targets: readonly string[],
  options: ConnectOptions,
  work: (context: Context, target: string) => Promise<T>,
): AsyncGenerator<Outcome<T>, void> {
  const ended: Outcome<T>[] = [];
  let wake = (): void => {};
  for (const [index, target] of targets.entries()) {
    void outcomeOf(broker, { target, index }, options, work).then((outcome) => {
      ended.push(outcome);
      wake();
    });
  }
  for (let left = targets.length; left > 0; ) {
    const outcome = ended.shift();
    if (outcome === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    } else {
      left -= 1;
      yield outcome;
    }
  }
}

async function outcomeOf<T>(
  broker: Broker,
  place: { readonly target: string; readonly index: number },
  options: ConnectOptions,
  work: (context: Context, target: string) => Promise<T>,
): Promise<Outcome<T>> {
  let context: Context | undefined;
  try {
    context = await broker.connect(place.target, options);
    return { ...place, context, result: { value: await work(context, place.target) } };
  } catch (error) {
    return { ...place, context, result: { error } };
  }
}
