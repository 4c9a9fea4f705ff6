/**
 * The signals that end a process unless it hears them: of a terminal's ctrl-C, of another process,
 * and of a terminal that is gone. Also runs in a slave in Bun, as part of econtext.kernel.
 */
export const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
