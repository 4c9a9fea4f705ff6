/** What the runtime's timers can do. */

/** The longest delay, in milliseconds. A longer one would be over at once. */
export const MAX_TIMER = 0x7fffffff;
