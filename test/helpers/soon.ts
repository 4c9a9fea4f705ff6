/**
 * The patience of the tests. What takes no time may take a busy machine this long; what hangs,
 * hangs for longer. Milliseconds.
 */
export const SOON_MS = 15_000;

/** Waits until it holds. @throws if it does not within `SOON_MS` */
export async function soon(holds: () => boolean): Promise<void> {
  const until = performance.now() + SOON_MS;
  while (!holds()) {
    if (performance.now() > until) throw new Error(`it does not hold: ${holds.toString()}`);
    await Bun.sleep(5);
  }
}
