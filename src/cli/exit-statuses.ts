/** Exit statuses that several parts of the command line know. Leaf: imports nothing. */

/** A connection could not be made, or was lost: as ssh's own status. */
export const NO_CONNECTION = 255;
/**
 * A deadline (as `timeout`), SIGHUP, SIGINT, SIGPIPE or SIGTERM ended the command. A reader that
 * does not read must not hold its end up.
 */
export const ENDED_EARLY: readonly number[] = [124, 129, 130, 141, 143];
/** Milliseconds that output is waited for after one of these. */
export const ENDED_EARLY_MS = 500;
