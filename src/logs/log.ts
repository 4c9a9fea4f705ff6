/**
 * Log records, as the master sees the logging, stdout and stderr of its slaves. Imports nothing.
 */

/** The levels, by Python's numbers. */
export const LEVELS = { debug: 10, info: 20, warning: 30, error: 40, critical: 50 } as const;
/** The name of a level. */
export type LevelName = keyof typeof LEVELS;

/** One record of logging, or one line of stdout or stderr. */
export interface LogRecord {
  /** Name of the context that the record came from; empty for the master's own. */
  readonly context: string;
  /** The logger's name, or `stdout` or `stderr`. */
  readonly logger: string;
  readonly level: number;
  /**
   * One line of output, or one whole message, as it came. It may hold control characters:
   * `neutralise` makes it fit for a terminal.
   */
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** @returns the name of the nearest level that is not above `level` */
export function levelName(level: number): LevelName {
  let name: LevelName = "debug";
  for (const [candidate, value] of Object.entries(LEVELS)) {
    if (level >= value) name = candidate as LevelName;
  }
  return name;
}
