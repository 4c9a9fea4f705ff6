/** Log records as the master sees them: what far logging, stdout and stderr become. Leaf: imports nothing. */

/** Levels are Python's numbers. */
export const LEVELS = { debug: 10, info: 20, warning: 30, error: 40, critical: 50 } as const;
export type LevelName = keyof typeof LEVELS;

export interface LogRecord {
  /** Name of the context it came from; empty for the master's own. */
  readonly context: string;
  /** The logger's name, or `stdout` or `stderr`. */
  readonly logger: string;
  readonly level: number;
  /** One line of output, or one whole message. As it came: not fit for a terminal before `neutralise`. */
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** The name of the nearest level that is not above `level`. */
export function levelName(level: number): LevelName {
  let name: LevelName = "debug";
  for (const [candidate, value] of Object.entries(LEVELS)) {
    if (level >= value) name = candidate as LevelName;
  }
  return name;
}

/**
 * A token bucket: lets through `bytesPerSecond` over time and `burst` at once. What it refuses, its user counts.
 */
export class RateLimit {
  readonly #bytesPerSecond: number;
  readonly #burst: number;
  #tokens: number;
  #at = performance.now();

  constructor(bytesPerSecond: number, burst: number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  take(bytes: number): boolean {
    const now = performance.now();
    this.#tokens = Math.min(
      this.#burst,
      this.#tokens + ((now - this.#at) * this.#bytesPerSecond) / 1000,
    );
    this.#at = now;
    if (this.#tokens < bytes) return false;
    this.#tokens -= bytes;
    return true;
  }
}
