/**
 * The patience of the tests. What takes no time may take a busy machine this long; what hangs,
 * hangs for longer. Milliseconds.
 */
export const SOON_MS = 15_000;
